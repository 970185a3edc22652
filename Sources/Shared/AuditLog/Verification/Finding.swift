import GatewayModel

/// Something that is not as it must be in an audit trail.
package struct Finding: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable, CaseIterable {
    /// The export itself cannot be read to its end.
    case unreadable
    /// Records are absent between others, or before the first without a prune record.
    case missing
    /// A record stands where another has to, or twice.
    case misplaced
    /// A record's bytes are not those that its writer signed.
    case altered
    /// A column beside a record says something else than the record.
    case column
    /// The time of arrival is not one that it can have.
    case arrival
    /// Records at the end of a log are absent.
    case truncated
    /// A checkpoint is absent, not signed by the log's writer, or of another log.
    case signature
    /// A log, or all logs of an agent, are absent although they were witnessed.
    case absent
    /// A log is not the one that was witnessed at some size.
    case witness
    /// An epoch does not continue the one before as it says.
    case epoch
    /// Nobody knows the writer of a log.
    case unknownWriter
    /// A table that questions are answered from says something else than the records.
    case projection
  }

  package var code: Code
  /// `nil` where it is about the export or an agent as a whole.
  package var log: LogID?
  /// The first bad record, where it can be named.
  package var seq: UInt64?
  /// What is wrong, in a sentence.
  package var message: String

  package init(_ code: Code, log: LogID? = nil, seq: UInt64? = nil, _ message: String) {
    self.code = code
    self.log = log
    self.seq = seq
    self.message = message
  }

  package var description: String {
    switch (log, seq) {
    case (let log?, let seq?): "\(code.rawValue): log \(log), record \(seq): \(message)"
    case (let log?, nil): "\(code.rawValue): log \(log): \(message)"
    default: "\(code.rawValue): \(message)"
    }
  }
}
