import ServiceLifecycle

/// Ends a service group in bounded time, whatever its peers do.
///
/// A peer that reads nothing can hold a connection's orderly end back for seconds. Nothing that is
/// kept depends on it: every act is a transaction of the database, so the program may just end.
struct BoundedShutdown {
  /// How long requests under way have to finish.
  static let graceful = Duration.seconds(3)
  /// How long everything has.
  static let total = Duration.seconds(4)

  private let begins: AsyncStream<Void>
  private let begin: AsyncStream<Void>.Continuation

  init() {
    (begins, begin) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
  }

  /// Put it last into the group: it is the first to hear of the shutdown.
  var watch: any Service { Watch(begin: begin) }

  /// Runs the group.
  ///
  /// - Returns: false when it had not ended in time.
  /// - Throws: what the group throws.
  func run(_ group: ServiceGroup) async throws -> Bool {
    let (results, result) = AsyncStream<Result<Bool, any Error>>.makeStream(
      bufferingPolicy: .bufferingOldest(1))
    // Not a task group: that would wait for the one that does not end.
    Task {
      do {
        try await group.run()
        result.yield(.success(true))
      } catch {
        result.yield(.failure(error))
      }
    }
    Task {
      for await _ in begins {
        try await Task.sleep(for: Self.total)
        result.yield(.success(false))
      }
    }
    return try await results.first { _ in true }?.get() ?? true
  }

  private struct Watch: Service {
    let begin: AsyncStream<Void>.Continuation

    func run() async throws {
      try? await gracefulShutdown()
      begin.yield()
    }
  }
}
