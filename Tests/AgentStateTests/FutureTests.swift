import AgentState
import Foundation
import GRDB
import Testing

@Suite struct FutureTests {
  @Test func stateOfANewerAgentIsRefusedAndLeftAlone() async throws {
    let bench = try StateBench()
    try await bench.enrolled().close()
    let path = "\(bench.folder)/agent.sqlite"
    // What GRDB's migrator of a later release would have written.
    try await DatabaseQueue(path: path).write { db in
      try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99 later')")
    }
    for purpose in [AgentState.Purpose.serve, .enrol, .inspect] {
      let failure = bench.failure(for: purpose)
      #expect(failure?.code == .fromTheFuture)
      #expect(failure?.message.contains("newer") == true)
    }
    // The failed starts have given the folder free again.
    try await DatabaseQueue(path: path).write { db in
      try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '99 later'")
    }
    #expect(bench.failure(for: .serve) == nil)
  }
}
