import APIModel
import Foundation
import NIOCore
import PostgresWire
import TestSupport

/// Clients that a test drives message by message, and what the agent's process takes.
extension Fleet {
  /// A session through the agent.
  func session(token: String, connection: String, user: String) async throws -> ScriptedClient {
    let client = try await ScriptedClient(
      .loopback(port: agent.port),
      security: .negotiated(try TestPKI.clientContext(trusting: control.authorityFile)))
    let welcome = try await client.logIn(user: user, database: connection, password: token)
    if let refusal = welcome.refusal { throw TestFailure("not let in: \(refusal.message)") }
    return client
  }

  /// A startup message with the password that answers it.
  static func startup(user: String, connection: String, password: String) -> ByteBuffer {
    var bytes = ByteBuffer()
    StartupMessage(parameters: [
      .init(name: "user", value: user), .init(name: "database", value: connection),
    ]).encode(into: &bytes)
    FrontendMessage.PasswordMessage(password: password.utf8).encode(into: &bytes)
    return bytes
  }

  /// What psql prints of `select 1` as bob, and how long it took from its start to its end.
  func timedLogin(token: String) async throws -> (output: String, time: Duration) {
    let began = ContinuousClock.now
    let outcome = try await psql("select 1", token: token, connection: "shop-app", user: "app")
    if !outcome.succeeded { throw TestFailure("no login: \(outcome.errors)") }
    return (outcome.output, ContinuousClock.now - began)
  }

  /// The sessions of a principal at a connection, newest first.
  func sessions(of principal: String, connection: String) async throws -> [SessionInfo] {
    let output = try await cli([
      "sessions", "list", "--principal", principal, "--connection", connection, "--format", "json",
    ])
    return try JSONDecoder().decode([SessionInfo].self, from: Data(output.utf8))
  }
}

extension AgentProcess {
  /// The memory that the process takes, as /proc has it.
  func residentBytes() throws -> Int {
    guard let identifier,
      let text = try? String(contentsOfFile: "/proc/\(identifier)/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw TestFailure("cannot read how much memory the agent takes") }
    return pages * 4_096
  }
}
