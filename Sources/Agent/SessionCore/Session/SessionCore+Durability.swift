internal import NIOCore

/// Power-safe sessions: what has to be on the medium before a statement, or its answer, goes on.
extension SessionCore {
  /// Says in the effects what waits for the begin of an execution that was just queued.
  ///
  /// The state of the transaction is that of the last ReadyForQuery, and a pipeline may hold a
  /// COMMIT or a BEGIN that has no answer yet; where the state is not certain the statement waits.
  mutating func awaitMedium(_ reach: StatementReach) {
    switch pipeline.transaction.wait(for: reach, status: pipeline.transactionStatus) {
    case .none: break
    case .beforeRows: effects.client.syncBefore = true
    case .beforeForward: effects.server.syncBefore = true
    }
    if reach.mayLeaveTransaction, let entry = pipeline.queue.newest {
      pipeline.transaction.leave(by: entry.number)
    }
  }
}
