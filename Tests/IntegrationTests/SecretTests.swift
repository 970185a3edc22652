import Foundation
import TestSupport
import Testing

/// No planted secret turns up in a record, a log, the store or a process list.
@Suite(.serialized) struct SecretTests {
  @Test func plantedSecretsStayWhereTheyBelong() async throws {
    let fleet = try await Fleet()
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    _ = try await fleet.psql("select 1", token: token)
    _ = try await fleet.psql("select 1", token: token + "x")
    try await eventually("the refusal") {
      try await !fleet.statements(["--outcome", "refused"]).isEmpty
    }
    let processes = try await run("ps", ["axww", "-o", "args"])
    let store = try await run(
      "pg_dump", ["-h", "127.0.0.1", "-p", "\(fleet.cluster.port)", "-U", "postgres", "sallyport"],
      environment: ["PGPASSWORD": fleet.cluster.superuserPassword])
    try #require(store.succeeded, "\(store.errors)")
    let state = try await run("grep", ["-rl", Fleet.readonlyPassword, fleet.agent.state])
    #expect(state.output.isEmpty, "a password stands readable in \(state.output)")
    let places = [
      "process list": processes.output, "store": store.output, "agent's log": fleet.agent.log,
      "control plane's log": fleet.control.log,
    ]
    let signature = try #require(token.split(separator: ".").last)
    for secret in [Fleet.readonlyPassword, "control-canary-1184", String(signature)] {
      for (place, text) in places {
        #expect(!text.contains(secret), "\(secret.prefix(12))… is in the \(place)")
      }
      // Binary columns are dumped as hexadecimal digits.
      let hex = secret.utf8.map { String(format: "%02x", $0) }.joined()
      #expect(!store.output.contains(hex), "\(secret.prefix(12))… is in the store's bytes")
    }
  }
}
