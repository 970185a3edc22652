import Foundation

/// A thread of its own for one connection, since libpq's calls block and Swift's cooperative
/// threads must not.
///
/// The connection is made at the first use and again after it broke. One job at a time: the pool
/// lends a worker to one user only.
final class PostgresWorker: @unchecked Sendable {
  // SAFETY: `jobs` and `isClosed` are touched with `condition` locked only; `session` is touched on
  // the worker's thread only.
  private let condition = NSCondition()
  private var jobs: [() -> Void] = []
  private var isClosed = false
  private var session: PostgresSession?
  private let address: DatabaseAddress

  init(address: DatabaseAddress, number: Int) {
    self.address = address
    let thread = Thread { [self] in work() }
    thread.name = "postgres-\(number)"
    thread.start()
  }

  /// Runs `body` on the thread with a connection that is up as far as is known.
  ///
  /// - Throws: what `body` throws, or ``PostgresError`` `unreachable`.
  func run<Result: Sendable>(
    _ body: @escaping @Sendable (PostgresSession) throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      let accepted = enqueue { [self] in
        continuation.resume(with: Swift.Result { try perform(body) })
      }
      if !accepted {
        continuation.resume(
          throwing: PostgresError(code: .busy, message: "the pool of connections is closed"))
      }
    }
  }

  /// Ends the thread after the jobs that are there, and with it the connection.
  func close() {
    condition.lock()
    isClosed = true
    condition.signal()
    condition.unlock()
  }

  private func enqueue(_ job: @escaping () -> Void) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    guard !isClosed else { return false }
    jobs.append(job)
    condition.signal()
    return true
  }

  private func perform<Result>(_ body: (PostgresSession) throws -> Result) throws -> Result {
    let session = try session ?? PostgresSession(address: address)
    // A job that leaves a broken connection, or one inside a transaction, costs that connection.
    defer { self.session = session.isReusable ? session : nil }
    return try body(session)
  }

  private func work() {
    while true {
      condition.lock()
      while jobs.isEmpty && !isClosed { condition.wait() }
      let job = jobs.isEmpty ? nil : jobs.removeFirst()
      condition.unlock()
      guard let job else { break }
      job()
    }
    session = nil
  }
}
