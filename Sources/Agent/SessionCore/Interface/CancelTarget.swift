package import GatewayModel

/// What a CancelRequest is about: what the server worked on when it came.
package struct CancelTarget: Equatable, Sendable {
  /// The statement that ran or was next; `nil` when the server had something else to answer, such
  /// as a Parse that waits for a lock, or a Sync that commits.
  package let statement: StatementID?
  /// The number of the last message that it is about.
  let last: UInt64
  /// The number of the Sync that commits the statement, when it was there.
  let sync: UInt64?
}

extension ReplyQueue {
  /// What a cancel that comes now is about: the first execution, or without one all up to the next
  /// Sync; `nil` when the server has nothing to do.
  var cancelTarget: CancelTarget? {
    guard let newest else { return nil }
    guard let execution = first(where: { $0.kind.isExecution }) else {
      let sync = first { $0.kind == .sync }
      return CancelTarget(statement: nil, last: sync?.number ?? newest.number, sync: nil)
    }
    let sync = first { $0.kind == .sync && $0.number > execution.number }
    return CancelTarget(
      statement: execution.statement, last: execution.number, sync: sync?.number)
  }
}

extension SessionCore {
  /// What a cancel that comes now is about; `nil` when the server has nothing to do.
  package var cancelTarget: CancelTarget? { pipeline.queue.cancelTarget }

  /// Whether the server still works on that, as far as its answers say.
  ///
  /// The Sync behind the statement is part of it: it commits, which can take long. That of a later
  /// one is not.
  package func isRunning(_ target: CancelTarget) -> Bool {
    guard let head = pipeline.queue.head else { return false }
    return head.number <= target.last || head.number == target.sync
  }
}
