import APIModel
import Foundation
import Synchronization
import TestSupport

/// An enrolled and running `sallyport-agent`.
final class AgentProcess: Sendable {
  let port: Int
  let healthPort: Int
  let state: String
  private let flags: [String]
  private let process: Mutex<ChildProcess?>

  init(
    folder: ScratchFolder, control: ControlProcess, name: String = "agent",
    segment: String = "test", flags: [String] = [], recordLog: String? = nil
  ) async throws {
    port = try FreePort.next()
    healthPort = try FreePort.next()
    state = folder.file(name)
    self.flags = flags + (recordLog.map { ["--record-log", $0] } ?? [])
    process = Mutex(nil)
    let join = try await Self.joinToken(control: control, segment: segment, port: port)
    let enrolled = try await Self.enroll(control: control, token: join, state: state)
    guard enrolled.succeeded else { throw TestFailure("enroll: \(enrolled.errors)") }
    try await start()
  }

  /// An agent on a copy of another's state, at other addresses; not started.
  init(beside other: AgentProcess, state: String) throws {
    port = try FreePort.next()
    healthPort = try FreePort.next()
    self.state = state
    flags = other.flags
    process = Mutex(nil)
  }

  /// A new join token.
  static func joinToken(
    control: ControlProcess, segment: String, port: Int, lifetime: String = "15m"
  ) async throws -> String {
    let output = try await control.cli([
      "agents", "invite", "--segment", segment, "--address", "127.0.0.1:\(port)", "--ttl",
      lifetime, "--format", "json",
    ])
    return try JSONDecoder().decode(Invitation.self, from: Data(output.utf8)).joinToken
  }

  static func enroll(
    control: ControlProcess, token: String, state: String
  ) async throws -> Outcome {
    try await run(
      Fleet.program("sallyport-agent"),
      ["enroll", "--server", control.server, "--state", state],
      environment: ["SALLYPORT_JOIN_TOKEN": token])
  }

  func start() async throws {
    let child = try ChildProcess(
      Fleet.program("sallyport-agent"),
      [
        "serve", "--state", state, "--listen", "127.0.0.1:\(port)", "--health-listen",
        "127.0.0.1:\(healthPort)",
      ] + flags)
    process.withLock { $0 = child }
    do {
      try await eventually("the agent's listener", within: .seconds(30)) {
        if let exit = child.poll() { throw TestFailure("sallyport-agent ended: \(exit)") }
        return FreePort.isOpen(port)
      }
    } catch {
      throw TestFailure("\(error)\n\(child.output)\(child.errors)")
    }
  }

  var log: String { process.withLock { ($0?.output ?? "") + ($0?.errors ?? "") } }
  var identifier: Int32? { process.withLock { $0?.identifier } }

  func stop() async throws -> ChildProcess.Exit? {
    guard let child = process.withLock({ $0 }) else { return nil }
    return try await child.terminate()
  }

  func kill() async throws {
    try await process.withLock { $0 }?.killNow()
  }

  /// The answer of `/healthz` or another path of the health listener, with its HTTP status.
  func health(_ path: String = "/healthz") async throws -> (status: String, body: String) {
    let answer = try await run(
      "curl", ["-s", "-w", "\n%{http_code}", "http://127.0.0.1:\(healthPort)\(path)"])
    let lines = answer.output.split(separator: "\n", omittingEmptySubsequences: false)
    return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
  }
}
