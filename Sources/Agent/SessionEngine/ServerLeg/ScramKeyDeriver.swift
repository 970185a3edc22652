import NIOCore
import NIOPosix
package import PostgresWire
import Synchronization

/// Derives the keys of a SCRAM login; called on a thread of its own.
package typealias KeyDerivation = @Sendable (ScramDerivation) -> ScramKeys

/// Derives SCRAM keys off the event loops: a server may ask for tens of milliseconds of hashing,
/// which would hold up every session of the loop.
///
/// Logins that need the same keys at one time share one derivation. What waits is bounded by the
/// logins under way, since each waits for one.
final class ScramKeyDeriver: Sendable {
  /// The gateway shut down first.
  struct Ended: Error {}

  private typealias Waiting = EventLoopPromise<ScramKeys>

  private static let threads = 2
  private let derive: KeyDerivation
  private let pool: NIOThreadPool
  private let waiting = Mutex<[ScramDerivation: [Waiting]]>([:])

  init(_ derive: @escaping KeyDerivation) {
    self.derive = derive
    pool = NIOThreadPool(numberOfThreads: Self.threads)
    pool.start()
  }

  func shutdown() async throws { try await pool.shutdownGracefully() }

  /// - Returns: The keys, on `loop`; fails with ``Ended``.
  func keys(
    of derivation: ScramDerivation, on loop: any EventLoop
  ) -> EventLoopFuture<ScramKeys> {
    let promise = loop.makePromise(of: ScramKeys.self)
    let isFirst = waiting.withLock { waiting in
      waiting[derivation, default: []].append(promise)
      return waiting[derivation]?.count == 1
    }
    if isFirst {
      pool.submit { [self] state in
        var result: Result<ScramKeys, any Error> = .failure(Ended())
        if case .active = state { result = .success(derive(derivation)) }
        let promises = waiting.withLock { $0.removeValue(forKey: derivation) } ?? []
        for promise in promises { promise.completeWith(result) }
      }
    }
    return promise.futureResult
  }
}
