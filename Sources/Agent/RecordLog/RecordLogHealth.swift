/// How the record log is, for health pages and the control plane.
package struct RecordLogHealth: Hashable, Sendable {
  package enum State: String, Hashable, Sendable {
    case ok
    /// All is recorded, but someone should look.
    case degraded
    /// Traffic is refused.
    case failing
  }

  package var state: State
  /// One line for each thing that is wrong, each with what to do.
  package var problems: [String]
  package var diskLevel: DiskLevel
  /// Bytes of all segments.
  package var usedBytes: Int64
  /// Bytes the process may still take on that file system.
  package var freeBytes: Int64
  /// Records that the control plane has not stored yet, over all logs of the folder.
  package var backlogRecords: UInt64
}
