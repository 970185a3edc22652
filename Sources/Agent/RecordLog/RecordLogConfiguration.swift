/// How a record log uses its folder.
package struct RecordLogConfiguration: Hashable, Sendable {
  /// The folder of the log; made when it is missing. One agent at a time may use it.
  package var folder: String
  /// A segment file is closed and the next begun when it reaches this size.
  package var segmentBytes: Int
  /// The most the log may take; `nil` leaves it to the file system.
  package var maximumBytes: Int64?
  /// Kept free on the disk so that closing records find room when it is full.
  package var reserveBytes: Int64
  /// How much of what the control plane has stored already is kept, to be sent again if it loses
  /// some. Given up first when room runs short.
  package var retainedBytes: Int64
  /// The time between two syncs to the medium in the background.
  package var syncInterval: Duration
  /// A commit waits for a sync itself when more records than this are not on the medium: the
  /// bound of what a power cut can take.
  package var maximumUnsyncedRecords: UInt64

  package init(
    folder: String, segmentBytes: Int = 64 << 20, maximumBytes: Int64? = nil,
    reserveBytes: Int64 = 4 << 20, retainedBytes: Int64 = 128 << 20,
    syncInterval: Duration = .milliseconds(50), maximumUnsyncedRecords: UInt64 = 1 << 18
  ) {
    self.folder = folder
    self.segmentBytes = segmentBytes
    self.maximumBytes = maximumBytes
    self.reserveBytes = reserveBytes
    self.retainedBytes = retainedBytes
    self.syncInterval = syncInterval
    self.maximumUnsyncedRecords = maximumUnsyncedRecords
  }
}

/// Who writes a log, as its `log.open` record says.
package struct WriterIdentity: Hashable, Sendable {
  package var agentVersion: String
  package var host: String

  package init(agentVersion: String, host: String) {
    self.agentVersion = agentVersion
    self.host = host
  }
}
