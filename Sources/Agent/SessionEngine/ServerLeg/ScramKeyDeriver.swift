import NIOCore
package import PostgresWire

/// Derives the keys of a SCRAM login; called on a thread of its own.
package typealias KeyDerivation = @Sendable (ScramDerivation) -> ScramKeys

/// Derives SCRAM keys off the event loops: a server may ask for tens of milliseconds of hashing,
/// which would hold up every session of the loop.
///
/// Logins that need the same keys at one time share one derivation.
final class ScramKeyDeriver: Sendable {
  private let derivations: SharedWork<ScramDerivation, ScramKeys>

  init(_ derive: @escaping KeyDerivation) {
    derivations = SharedWork(threads: 2, derive)
  }

  func shutdown() async throws { try await derivations.shutdown() }

  /// - Returns: The keys, on `loop`; fails once the gateway has shut down.
  func keys(
    of derivation: ScramDerivation, on loop: any EventLoop
  ) -> EventLoopFuture<ScramKeys> {
    derivations.value(of: derivation, on: loop)
  }
}
