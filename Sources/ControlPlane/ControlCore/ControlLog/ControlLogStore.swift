package import AuditLog
package import GatewayModel

/// A store whose changes can be told to the control plane's own log.
package protocol RecordingStore: Sendable {
  /// The same store, which appends `entry` in the transaction of each change that is made through
  /// it: both take effect, or neither. What changes nothing appends nothing.
  func recording(_ entry: ControlLogEntry) -> Self
}

/// Where the control plane's own log is kept.
package protocol ControlLogStore: Sendable {
  /// Appends an entry in a transaction of its own.
  func append(_ entry: ControlLogEntry) async throws(ControlError)
  /// The newest signed checkpoint of a log; `nil` when it has no record.
  func checkpoint(of log: LogID) async throws(ControlError) -> SignedHead?
  /// The hashes that prove that the log's first `size` records begin with its first `first`, in the
  /// order of RFC 6962, section 2.1.2; `nil` when it does not have so many.
  func consistency(
    of log: LogID, from first: UInt64, to size: UInt64
  ) async throws(ControlError) -> [Hash256]?
  /// One page of entries, newest first.
  func entries(_ query: ControlLogQuery) async throws(ControlError) -> [ControlLogItem]
  /// Appends entries made of the heads of the agents' logs that have grown since the last ones, each
  /// log at most once, and none left out.
  ///
  /// One replica at a time does it; the others do nothing.
  /// - Parameter limit: The most heads of one entry.
  /// - Returns: How many heads they have; 0 when nothing was appended.
  func witness(
    limit: Int, _ entry: @escaping @Sendable (AgentsWitnessRecord) -> ControlLogEntry
  ) async throws(ControlError) -> Int
  /// Appends an entry for each equivocation that has none yet, each once.
  func tellEquivocations(
    _ entry: @escaping @Sendable (FoundEquivocation) -> ControlLogEntry
  ) async throws(ControlError)
}

/// That an agent has signed what does not fit to what it had sent before, and is quarantined.
package struct FoundEquivocation: Sendable, Equatable {
  package var log: LogID
  package var size: UInt64
  /// `nil` where two writers of one log were found, whose records do not contradict each other.
  package var storedRoot: Hash256?
  /// As the agent signed it.
  package var checkpoint: [UInt8]
  package var detail: String

  package init(
    log: LogID, size: UInt64, storedRoot: Hash256?, checkpoint: [UInt8], detail: String
  ) {
    self.log = log
    self.size = size
    self.storedRoot = storedRoot
    self.checkpoint = checkpoint
    self.detail = detail
  }
}

/// A checkpoint as it is shown.
package struct SignedHead: Sendable, Equatable {
  package var size: UInt64
  package var note: [UInt8]
  package init(size: UInt64, note: [UInt8]) {
    self.size = size
    self.note = note
  }
}

/// A checked question for entries of the control plane's own log, newest first.
package struct ControlLogQuery: Sendable, Equatable {
  /// Names of callers or ids of their tokens.
  package var caller: [String] = []
  /// Actions, or resources for all their actions.
  package var action: [String] = []
  package var since: WallTime?
  package var until: WallTime?
  /// Only entries before this seq.
  package var before: UInt64?
  package var limit: Int = 100
  package init() {}
}

/// An entry of the control plane's own log as it is read back.
package struct ControlLogItem: Sendable, Equatable {
  package var seq: UInt64
  package var at: WallTime
  package var summary: ControlLogSummary
  package init(seq: UInt64, at: WallTime, summary: ControlLogSummary) {
    self.seq = seq
    self.at = at
    self.summary = summary
  }
}
