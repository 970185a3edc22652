/// How full the room for the log is (audit.md, "Disk").
package enum DiskLevel: UInt8, Hashable, Sendable, Comparable, CaseIterable {
  case ok
  /// 70 %: said in health.
  case warn
  /// 85 %: traffic should slow down so that shipping can catch up.
  case slow
  /// 95 %: no new sessions.
  case noNewSessions
  /// Only closing records are taken.
  case full

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  /// The level of a log that takes `usedBytes` where `freeBytes` are left on the disk.
  ///
  /// The room is what the log has and can still get: the free disk, or up to its own limit. A disk
  /// with less than four reserves left takes no new sessions, whatever the share is.
  package static func of(
    usedBytes: Int64, freeBytes: Int64, maximumBytes: Int64?, reserveBytes: Int64
  ) -> DiskLevel {
    let used = max(0, usedBytes)
    let reachable = used.addingReportingOverflow(max(0, freeBytes))
    let onDisk = reachable.overflow ? Int64.max : reachable.partialValue
    let room = min(maximumBytes ?? Int64.max, onDisk)
    guard used < room else { return .full }
    let share = Double(used) / Double(room)
    if share >= 0.95 || freeBytes < reserveBytes.multipliedReportingOverflow(by: 4).partialValue {
      return .noNewSessions
    }
    if share >= 0.85 { return .slow }
    return share >= 0.70 ? .warn : .ok
  }
}
