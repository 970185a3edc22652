import NIOCore
import NIOPosix
import Synchronization

/// Work that blocks or takes long, off the event loops and on a few threads of its own.
///
/// Who asks for the same key at one time shares one piece of work. What waits is bounded by those
/// who ask, since each waits for one.
final class SharedWork<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let work: @Sendable (Key) throws -> Value
  private let pool: NIOThreadPool
  private let waiting = Mutex<[Key: [EventLoopPromise<Value>]]>([:])

  init(threads: Int, _ work: @escaping @Sendable (Key) throws -> Value) {
    self.work = work
    pool = NIOThreadPool(numberOfThreads: threads)
    pool.start()
  }

  func shutdown() async throws { try await pool.shutdownGracefully() }

  /// - Returns: The value, on `loop`; fails with what the work throws, or with
  ///   `ChannelError.ioOnClosedChannel` after ``shutdown()``.
  func value(of key: Key, on loop: any EventLoop) -> EventLoopFuture<Value> {
    let promise = loop.makePromise(of: Value.self)
    let isFirst = waiting.withLock { waiting in
      waiting[key, default: []].append(promise)
      return waiting[key]?.count == 1
    }
    if isFirst {
      pool.submit { [self] state in
        let result = Result {
          guard case .active = state else { throw ChannelError.ioOnClosedChannel }
          return try work(key)
        }
        let promises = waiting.withLock { $0.removeValue(forKey: key) } ?? []
        for promise in promises { promise.completeWith(result) }
      }
    }
    return promise.futureResult
  }
}
