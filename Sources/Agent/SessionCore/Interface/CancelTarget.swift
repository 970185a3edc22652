package import GatewayModel

/// What a CancelRequest is about: what the server worked on when it came.
package struct CancelTarget: Equatable, Sendable {
  /// The statement that ran or was next; `nil` when the server had something else to answer, such
  /// as a Parse that waits for a lock, or a Sync that commits.
  package let statement: StatementID?
  let requestedAt: MonotonicTime
}

extension SessionCore {
  /// What a cancel that comes now is about; `nil` when the server has nothing to do.
  package func cancelTarget(at now: MonotonicTime) -> CancelTarget? {
    guard pipeline.queue.head != nil else { return nil }
    return CancelTarget(statement: currentStatement, requestedAt: now)
  }

  /// Whether the server still works on that, as far as its answers say.
  ///
  /// A Sync behind the statement is part of it: it commits, which can take long.
  package func isRunning(_ target: CancelTarget) -> Bool {
    guard let head = pipeline.queue.head, head.since <= target.requestedAt else { return false }
    guard let statement = target.statement else { return true }
    return head.kind == .sync || pipeline.queue.contains(statement)
  }
}
