import ArgumentParser
import ControlCore
import Foundation
import GatewayModel
import Logging
import PostgresStore
import Telemetry

/// Where the control plane keeps everything.
struct DatabaseOptions: ParsableArguments {
  @Option(
    name: .customLong("database"),
    help: ArgumentHelp(
      "The PostgreSQL database, as a postgresql:// URL.",
      discussion: "SALLYPORT_DATABASE stands in for it, and keeps it out of the process list.",
      valueName: "url"))
  var url: String?

  @Option(
    name: .customLong("database-password-file"),
    help: ArgumentHelp(
      "A file with the database password on its first line.",
      discussion: "PGPASSWORD and PGPASSFILE work too.", valueName: "file"))
  var passwordFile: String?

  @Option(
    name: .customLong("wait-database"),
    help: ArgumentHelp(
      "How long to wait for the database to be reachable at the start.", valueName: "seconds"))
  var waitSeconds: Int = 30

  func validate() throws {
    guard (0...3600).contains(waitSeconds) else {
      throw ValidationError("--wait-database \(waitSeconds) is not between 0 and 3600 seconds.")
    }
  }

  /// Connects and brings the schema up to date, waiting for a database that is not there yet.
  ///
  /// - Throws: ``StartFailure``.
  func open(logger: Logger) async throws -> PostgresStore {
    let environment = ProcessInfo.processInfo.environment
    guard let url = url ?? environment["SALLYPORT_DATABASE"], !url.isEmpty else {
      throw ValidationError(
        "No database is named: give --database postgresql://… or set SALLYPORT_DATABASE.")
    }
    try providePassword()
    let deadline = ContinuousClock.now + .seconds(waitSeconds)
    var lastWarning: ContinuousClock.Instant?
    while true {
      let failure: StartFailure
      do {
        return try await PostgresStore.open(url: url, logger: logger)
      } catch {
        failure = StartFailure(error)
      }
      let now = ContinuousClock.now
      guard failure.kind == .databaseUnreachable, now < deadline else { throw failure }
      if lastWarning.map({ now - $0 >= .seconds(5) }) ?? true {
        lastWarning = now
        logger.warning("waiting for the database", metadata: [LogKey.error: "\(failure)"])
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// Hands the password of the file to libpq, which reads it from this process's environment; it
  /// does not show in the environment that other processes see.
  private func providePassword() throws {
    guard let passwordFile else { return }
    let password = try SecretFile.read(passwordFile, purpose: "database password")
    guard setenv("PGPASSWORD", password.text, 1) == 0 else {
      throw StartFailure(.unexpected, "The database password could not be handed to libpq.")
    }
  }
}

/// A file with one secret on its first line.
enum SecretFile {
  static let maximumBytes = 4096

  /// - Throws: ``StartFailure`` that names the file and never its content.
  static func read(_ path: String, purpose: String) throws -> Secret {
    guard let content = FileManager.default.contents(atPath: path) else {
      throw StartFailure(
        .configuration, "The \(purpose) file \"\(path)\" cannot be read.",
        remedy: "Name a file that this user may read.")
    }
    let line = content.prefix(maximumBytes + 1).prefix { $0 != UInt8(ascii: "\n") }
    let trimmed = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
    guard !trimmed.isEmpty, trimmed.count <= maximumBytes, !trimmed.contains(0) else {
      throw StartFailure(
        .configuration, "The \(purpose) file \"\(path)\" has no usable first line.",
        remedy: "Write the secret on its first line, at most \(maximumBytes) bytes.")
    }
    return Secret(trimmed)
  }
}
