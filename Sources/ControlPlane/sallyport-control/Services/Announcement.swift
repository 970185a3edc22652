import AgentLinkServer
import ControlCore
import Foundation
import GatewayModel
import Logging
import ServiceLifecycle
import SystemClock
import Telemetry

/// Once both listeners are up: makes the bootstrap token of the first start, and says that the
/// program is ready. Then watches the age of the server's certificate.
struct Announcement: Service {
  let plane: ControlPlane
  let link: AgentLinkServer
  let apiPort: AsyncStream<Int>
  let publicURL: String
  let destination: TokenDestination
  /// When the certificate that this replica made for itself expires.
  let certificateExpiresAt: WallTime
  let logger: Logger

  /// Warned about from then on; a restart makes another certificate.
  private static let warningBefore = Duration.seconds(30 * 86_400)
  private static let watchInterval = Duration.seconds(86_400)

  func run() async throws {
    try await cancelWhenGracefulShutdown {
      do {
        try await announce()
        try await offerBootstrap()
        logger.notice("ready")
        try await watch()
      } catch is CancellationError {}
      try? await gracefulShutdown()
    }
  }

  private func announce() async throws {
    guard await apiPort.first(where: { _ in true }) != nil else { throw CancellationError() }
    // A listener that failed ends the whole group with its own error.
    guard (try? await link.listeningPort) != nil else { throw CancellationError() }
    try Task.checkCancellation()
    StandardOutput.lines(
      "Sallyport control plane \(plane.settings.version), organisation "
        + plane.settings.organisation,
      "API \(publicURL), agent link \(plane.settings.linkAddress)",
      "Authority \(plane.keys.authority.fingerprint)")
  }

  /// Makes the first start's token only now, so that a start that failed has not lost it.
  ///
  /// - Throws: ``StartFailure`` when the token was not delivered: the program ends, and the next
  ///   start offers another. If the program crashed between making and delivering it, nobody has
  ///   the token, and `sallyport-control bootstrap` makes another.
  private func offerBootstrap() async throws {
    let token: Secret?
    while true {
      do {
        token = try await plane.access.bootstrapToken()
        break
      } catch {
        guard error.code == .unavailable else { throw error }
        try await Task.sleep(for: .seconds(1))
      }
    }
    guard let token else { return destination.discard() }
    StandardOutput.lines("First start.")
    do {
      try destination.deliver(token)
    } catch {
      throw await withdraw(token, after: error)
    }
    StandardOutput.lines(
      "Next: sallyport login --server \(publicURL) "
        + "--ca-fingerprint \(plane.keys.authority.fingerprint)")
  }

  /// Takes back a token that was not delivered, and gives what ends the program.
  private func withdraw(_ token: Secret, after error: any Error) async -> any Error {
    do {
      try await plane.access.withdraw(bootstrapToken: token)
      return error
    } catch let other {
      guard var failure = error as? StartFailure else { return error }
      failure.message += " Nor was it taken back: \(other.message)"
      failure.remedy = "Run `sallyport-control bootstrap` for another token."
      return failure
    }
  }

  private func watch() async throws {
    while true {
      let left = Duration.nanoseconds(
        max(0, certificateExpiresAt.unixNanoseconds - WallTime.now().unixNanoseconds))
      if left < Self.warningBefore {
        logger.warning(
          "the server's certificate expires soon; restart this replica to make another",
          metadata: ["days": "\(left / .seconds(86_400))"])
      }
      try await Task.sleep(for: Self.watchInterval)
    }
  }
}
