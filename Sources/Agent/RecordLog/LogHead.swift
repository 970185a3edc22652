import AuditLog

/// How many records a log has, and the root of their tree.
package struct LogHead: Hashable, Sendable {
  package var size: UInt64
  /// `nil` where it cannot be told: what it would be made from is gone or damaged.
  package var root: Hash256?

  package init(size: UInt64, root: Hash256?) {
    self.size = size
    self.root = root
  }
}

/// What is known of a lane's log when the lane goes on in another epoch.
package enum LogStanding: Hashable, Sendable {
  /// The control plane has this of it, which is not what the folder has.
  case other(LogHead)
  /// What the control plane has is what the folder has: the log is shipped to its end.
  case agreed
}

extension LaneState {
  /// Of what the control plane and this run have agreed on; `nil` when they have not yet.
  var agreedHead: LogHead? {
    guard let size = withState({ $0.agreedSeq }),
      let root = try? walk(to: size).position.frontier.root
    else { return nil }
    return LogHead(size: size, root: root)
  }

  /// Of all that is committed. Reads and hashes what the segments hold beyond the last known
  /// frontier.
  var head: LogHead {
    let size = withState { $0.committedSeq }
    let frontier = try? walk(to: size).position.frontier
    return LogHead(size: size, root: frontier?.root)
  }
}
