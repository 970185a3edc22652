import ArgumentParser
import ControlCore
import Foundation
import GatewayModel
import Logging
import PeerIdentity
import PostgresStore
import SystemClock

/// Whose control plane this is, and the file that opens its keys.
struct OrganisationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The organisation's name: letters, digits, \".\", \"-\" and \"_\".",
      discussion: "SALLYPORT_ORGANISATION stands in for it.", valueName: "name"))
  var organisation: String?

  @Option(
    name: .customLong("key-file"),
    help: ArgumentHelp(
      "The file with the key that the control plane's keys are sealed under.",
      discussion: """
        Made at the first start; keep a copy apart from the database, since without it the keys \
        are lost. SALLYPORT_KEY_FILE stands in for it.
        """,
      valueName: "file"))
  var keyFile: String?

  private var environment: [String: String] { ProcessInfo.processInfo.environment }

  func organisationName() throws -> String {
    guard let name = organisation ?? environment["SALLYPORT_ORGANISATION"], !name.isEmpty else {
      throw ValidationError(
        "No organisation is named: give --organisation or set SALLYPORT_ORGANISATION.")
    }
    do {
      _ = try AgentIdentity(
        organisation: name, segment: "check", agent: AgentID(Identifier128(high: 0, low: 0)))
    } catch {
      throw ValidationError(error.message)
    }
    return name
  }

  func key() throws -> KeyFile {
    guard let path = keyFile ?? environment["SALLYPORT_KEY_FILE"], !path.isEmpty else {
      throw ValidationError("No key file is named: give --key-file or set SALLYPORT_KEY_FILE.")
    }
    return KeyFile(path: path)
  }
}

extension Surroundings {
  /// The real clock, the system's source of chance, and the log.
  static func system(logger: Logger) -> Surroundings {
    Surroundings(
      now: { .now() },
      sleep: { try await Task.sleep(for: $0) },
      randomBytes: { count in
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      },
      logger: logger)
  }
}
