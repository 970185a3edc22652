import APIModel
import Foundation
import Synchronization
import TestSupport

/// A running `sallyport-control` with an administrator logged in.
final class ControlProcess: Sendable {
  let apiPort: Int
  let linkPort: Int
  private let folder: ScratchFolder
  private let cluster: PostgresCluster
  private let moreFlags: [String]
  private let process: Mutex<ChildProcess?>

  /// The internal authority's certificate as a PEM file: what clients of the agent trust.
  var authorityFile: String { folder.file("authority.pem") }
  var server: String { "https://127.0.0.1:\(apiPort)" }

  init(folder: ScratchFolder, cluster: PostgresCluster, flags: [String] = []) async throws {
    moreFlags = flags
    self.folder = folder
    self.cluster = cluster
    apiPort = try FreePort.next()
    linkPort = try FreePort.next()
    process = Mutex(nil)
    try await start()
    let authority = try await authorityInfo()
    try folder.write(authority.certificatePEM, to: "authority.pem")
    try await cli([
      "login", "--server", server, "--ca-fingerprint", authority.fingerprint, "--token-file",
      folder.file("bootstrap-token"),
    ])
  }

  /// The flags of `sallyport-control serve` for this cluster.
  static func flags(
    folder: ScratchFolder, databasePort: Int, apiPort: Int, linkPort: Int
  ) -> [String] {
    [
      "serve", "--database", "postgresql://sallyport@127.0.0.1:\(databasePort)/sallyport",
      "--listen", "127.0.0.1:\(apiPort)", "--link-listen", "127.0.0.1:\(linkPort)",
      "--public-url", "https://127.0.0.1:\(apiPort)", "--link-address", "127.0.0.1:\(linkPort)",
      "--names", "localhost,127.0.0.1", "--organisation", "test", "--key-file",
      folder.file("control.key"), "--bootstrap-token-file", folder.file("bootstrap-token"),
    ]
  }

  func start() async throws {
    let child = try ChildProcess(
      Fleet.program("sallyport-control"),
      Self.flags(
        folder: folder, databasePort: cluster.port, apiPort: apiPort, linkPort: linkPort)
        + moreFlags,
      environment: ["PGPASSWORD": "control-canary-1184"])
    process.withLock { $0 = child }
    do {
      try await eventually("the control plane's readiness", within: .seconds(30)) {
        if let exit = child.poll() { throw TestFailure("sallyport-control ended: \(exit)") }
        return try await isReady()
      }
    } catch {
      throw TestFailure("\(error)\n\(child.output)\(child.errors)")
    }
  }

  func isReady() async throws -> Bool {
    try await run("curl", ["-sfk", "\(server)/readyz"]).succeeded
  }

  func authorityInfo() async throws -> AuthorityInfo {
    let answer = try await run("curl", ["-sfk", "\(server)\(Routes.authority)"])
    return try JSONDecoder().decode(AuthorityInfo.self, from: Data(answer.output.utf8))
  }

  /// Exchanges a key of the root document, as an operator does.
  func rotate(_ kind: String) async throws {
    let outcome = try await run(
      Fleet.program("sallyport-control"),
      [
        "rotate-policy-key", "--kind", kind, "--organisation", "test", "--key-file",
        folder.file("control.key"), "--database",
        "postgresql://sallyport@127.0.0.1:\(cluster.port)/sallyport",
      ], environment: ["PGPASSWORD": "control-canary-1184"])
    guard outcome.succeeded else { throw TestFailure("rotate \(kind): \(outcome.errors)") }
  }

  var log: String { process.withLock { ($0?.output ?? "") + ($0?.errors ?? "") } }

  func stop() async throws -> ChildProcess.Exit? {
    guard let child = process.withLock({ $0 }) else { return nil }
    return try await child.terminate()
  }

  func kill() async throws {
    try await process.withLock { $0 }?.killNow()
  }

  /// Runs `sallyport` as the administrator; throws when it fails.
  @discardableResult
  func cli(_ arguments: [String], input: String = "") async throws -> String {
    let outcome = try await cliOutcome(arguments, input: input)
    guard outcome.succeeded else {
      throw TestFailure(
        "sallyport \(arguments.joined(separator: " ")): \(outcome.exit) \(outcome.errors)")
    }
    return outcome.output
  }

  func cliOutcome(_ arguments: [String], input: String = "") async throws -> Outcome {
    try await run(
      Fleet.program("sallyport"), arguments,
      environment: ["SALLYPORT_CONFIG": folder.file("cli.json")], input: input)
  }
}
