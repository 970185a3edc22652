import ControlCore
import Foundation
import TestSupport
import Testing

@testable import PostgresStore

extension DatabaseTests {
  @Suite struct Pool {
    @Test func connectionsAreBoundedAndShared() async throws {
      try await withStore(connections: 3) { store in
        let most = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<20 {
            group.addTask {
              try await store.number(
                """
                SELECT count(*) FROM pg_stat_activity, pg_sleep(0.01)
                WHERE datname = current_database()
                """)
            }
          }
          return try await group.reduce(0, max)
        }
        #expect(most <= 3)
        #expect(most >= 2)
      }
    }

    @Test func waitingEndsWithAMessage() async throws {
      let address = try DatabaseAddress(url: try await ClusterTrait.newDatabase())
      let pool = PostgresPool(
        address: address, maximumConnections: 1, patience: .milliseconds(50))
      let (holding, signal) = AsyncStream<Void>.makeStream()
      let gate = DispatchSemaphore(value: 0)
      let holder = Task {
        try await pool.transaction { _ in
          signal.yield()
          gate.wait()
        }
      }
      for await _ in holding { break }
      let error = await #expect(throws: PostgresError.self) {
        try await pool.transaction { session in try session.execute("SELECT 1") }
      }
      #expect(error?.code == .busy)
      gate.signal()
      try await holder.value
      try await pool.transaction { session in _ = try session.execute("SELECT 1") }
      await pool.close()
    }

    @Test func serverRestartIsSurvived() async throws {
      let cluster = try await PostgresCluster()
      try await withStore(
        at: ClusterTrait.url(of: cluster, database: "postgres"), connections: 4
      ) { store in
        // All connections are open, so all are broken afterwards.
        try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<4 {
            group.addTask { try await store.number("SELECT 1::bigint FROM pg_sleep(0.2)") }
          }
          try await group.waitForAll()
        }
        try await cluster.stop(mode: "immediate")
        let away = await #expect(throws: ControlError.self) { try await store.ping() }
        #expect(away?.code == .unavailable)
        try await cluster.start()
        for _ in 0..<8 { try await store.ping() }
      }
    }

    @Test func brokenConnectionsAreReplacedUnseen() async throws {
      try await withStore(connections: 4) { store in
        try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<4 {
            group.addTask { try await store.number("SELECT 1::bigint FROM pg_sleep(0.2)") }
          }
          try await group.waitForAll()
        }
        try await store.run(
          """
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()
          """)
        for _ in 0..<8 { try await store.ping() }
      }
    }

    @Test func failedTransactionIsRolledBackAndTheConnectionServesOn() async throws {
      try await withStore(connections: 1) { store in
        await #expect(throws: ControlError.self) {
          try await store.transact("testing") { session in
            try session.execute("INSERT INTO sallyport.segment (name) VALUES ('lost')")
            try session.execute("SELECT 1/0")
          }
        }
        let kept = try await store.number("SELECT count(*) FROM sallyport.segment")
        #expect(kept == 0)
      }
    }

    @Test func deadlockIsRunAgain() async throws {
      try await withStore { store in
        try await store.run("INSERT INTO sallyport.segment (name) VALUES ('a'), ('b')")
        // Each takes one row, then the other's.
        try await withThrowingTaskGroup(of: Void.self) { group in
          for order in [["a", "b"], ["b", "a"]] {
            group.addTask {
              try await store.transact("testing") { session in
                for name in order {
                  try PostgresStore.touch(segment: name, session)
                  try session.execute("SELECT pg_sleep(0.3)")
                }
              }
            }
          }
          try await group.waitForAll()
        }
        let changes = try await store.number(
          "SELECT sum(changes)::bigint FROM sallyport.segment")
        #expect(changes == 4)
      }
    }
  }
}

@Suite struct DatabaseAddressTests {
  @Test func unreachableDatabaseIsSaidWithoutThePassword() async throws {
    let port = try FreePort.next()
    let error = await #expect(throws: ControlError.self) {
      try await withStore(at: "postgresql://sally:hunter2@127.0.0.1:\(port)/x") { _ in }
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("127.0.0.1:\(port)") == true)
    #expect("\(String(describing: error))".contains("hunter2") == false)
    #expect(error?.remedy?.isEmpty == false)
  }

  @Test(arguments: [
    "mysql://sally:hunter2@db/x", "postgresql://sally:hunter2@more@db/x",
    "postgresql://sally:hunter2/y@db/x", "postgresql://sally:hunter2#y@db/x",
    "postgresql://sally:hunter2?y@db/x", "postgresql://sally:hunter2@db/x?nonsense=1", "",
  ])
  func badURLsAreRefusedWithoutQuotingThem(url: String) {
    let error = #expect(throws: ControlError.self) { try DatabaseAddress(url: url) }
    #expect(error?.code == .invalid)
    #expect("\(String(describing: error))".contains("hunter2") == false)
  }

  @Test func passwordShowsInNoText() throws {
    let address = try DatabaseAddress(url: "postgresql://sally:hunter2@db:5433/x")
    var dumped = ""
    dump(address, to: &dumped)
    for text in ["\(address)", "\(String(reflecting: address))", dumped] {
      #expect(!text.contains("hunter2"))
    }
    #expect("\(address)" == "postgresql://sally@db:5433/x")
    #expect(address.redacted("x hunter2 y") == "x <redacted> y")
  }
}
