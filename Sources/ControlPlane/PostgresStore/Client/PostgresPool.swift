/// A bounded set of connections, lent one at a time.
///
/// Who finds none free waits in line, until a deadline. A connection that broke is made again by
/// its next user.
actor PostgresPool {
  /// The most that wait at once; more are refused at once.
  static let maximumWaiting = 1024
  /// How often a transaction is run again that lost to another.
  static let maximumAttempts = 5

  private let address: DatabaseAddress
  private let maximumConnections: Int
  private let patience: Duration
  private var idle: [PostgresWorker] = []
  private var lent = 0
  private var isClosed = false
  private var nextTicket: UInt64 = 0
  private var waiting: [(ticket: UInt64, CheckedContinuation<PostgresWorker?, Never>)] = []

  /// - Parameter patience: How long to wait for a free connection.
  init(address: DatabaseAddress, maximumConnections: Int, patience: Duration = .seconds(10)) {
    self.address = address
    self.maximumConnections = max(1, maximumConnections)
    self.patience = patience
  }

  /// Runs `body` between BEGIN and COMMIT.
  ///
  /// It runs again when the server ended it for the sake of another transaction, and when the
  /// connection turned out to be broken before BEGIN: in both cases nothing took effect. After a
  /// connection is lost later, whether COMMIT happened is not known and the error says so.
  func transaction<Result: Sendable>(
    _ body: @escaping @Sendable (PostgresSession) throws -> Result
  ) async throws -> Result {
    // Each idle connection can turn out to be broken once, after the server was restarted.
    var brokenLeft = maximumConnections + 1
    var attempt = 1
    while true {
      let outcome = try await withWorker { worker in
        try await worker.run { session in try Self.attempt(session, body) }
      }
      switch outcome {
      case .committed(let result): return result
      case .brokenBefore(let error):
        brokenLeft -= 1
        if brokenLeft < 0 { throw error }
      case .conflict(let error):
        attempt += 1
        if attempt > Self.maximumAttempts { throw error }
      }
    }
  }

  /// Closes the connections as they come back, and ends every wait.
  func close() {
    isClosed = true
    for worker in idle { worker.close() }
    idle = []
    for (_, continuation) in waiting { continuation.resume(returning: nil) }
    waiting = []
  }

  private enum Outcome<Result: Sendable>: Sendable {
    case committed(Result)
    case brokenBefore(PostgresError)
    case conflict(PostgresError)
  }

  private static func attempt<Result: Sendable>(
    _ session: PostgresSession, _ body: (PostgresSession) throws -> Result
  ) throws -> Outcome<Result> {
    do {
      try session.execute("BEGIN")
    } catch  where error.code == .connectionLost {
      return .brokenBefore(error)
    }
    do {
      let result = try body(session)
      try session.execute("COMMIT")
      return .committed(result)
    } catch {
      // When this fails too the worker drops the connection, which has the same effect.
      _ = try? session.execute("ROLLBACK")
      if let error = error as? PostgresError, error.isConflict { return .conflict(error) }
      throw error
    }
  }

  private func withWorker<Result: Sendable>(
    _ body: (PostgresWorker) async throws -> Result
  ) async throws -> Result {
    let worker = try await acquire()
    defer { release(worker) }
    return try await body(worker)
  }

  private func acquire() async throws(PostgresError) -> PostgresWorker {
    guard !isClosed else {
      throw PostgresError(code: .busy, message: "the pool of connections is closed")
    }
    if let worker = idle.popLast() {
      lent += 1
      return worker
    }
    if lent < maximumConnections {
      lent += 1
      return PostgresWorker(address: address, number: lent)
    }
    guard waiting.count < Self.maximumWaiting else {
      throw PostgresError(
        code: .busy, message: "\(waiting.count) others wait for a database connection")
    }
    nextTicket += 1
    let ticket = nextTicket
    let timer = Task { [patience] in
      try? await Task.sleep(for: patience)
      self.giveUp(ticket)
    }
    defer { timer.cancel() }
    let worker: PostgresWorker? = await withTaskCancellationHandler {
      await withCheckedContinuation {
        (continuation: CheckedContinuation<PostgresWorker?, Never>) in
        if Task.isCancelled {
          continuation.resume(returning: nil)
        } else {
          waiting.append((ticket, continuation))
        }
      }
    } onCancel: {
      timer.cancel()
    }
    guard let worker else {
      throw PostgresError(
        code: .busy, message: "no database connection became free within \(patience)")
    }
    return worker
  }

  private func giveUp(_ ticket: UInt64) {
    guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else { return }
    waiting.remove(at: index).1.resume(returning: nil)
  }

  private func release(_ worker: PostgresWorker) {
    if isClosed {
      worker.close()
      lent -= 1
    } else if waiting.isEmpty {
      lent -= 1
      idle.append(worker)
    } else {
      // Handed on without coming back, so that nobody overtakes the line.
      waiting.removeFirst().1.resume(returning: worker)
    }
  }
}
