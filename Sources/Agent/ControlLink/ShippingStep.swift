internal import AgentLink
internal import AuditLog
internal import GatewayModel
internal import RecordLog

/// What an agent does after the control plane's answer to a batch.
enum ShippingStep: Equatable {
  /// The batch is stored, and so is everything below.
  case goOn(from: UInt64)
  /// The control plane has everything below, which can be less than it had acknowledged.
  case resume(at: UInt64)
  case wait(Duration)
  /// The control plane has another history of the log, which this agent has signed: the record
  /// folder is an older state of itself, or a copy.
  case beginEpoch(citing: LogHead)
  /// The log and the control plane do not fit together; a person has to look.
  case stuck(String)

  /// Judges an answer.
  ///
  /// - Parameters:
  ///   - sent: The seqs of the batch.
  ///   - held: The seqs that are on disk, its upper bound one behind the last.
  ///   - stored: The checkpoint that came with the answer, if this agent has signed it.
  ///   - rootHere: The root of the log's tree at a size; `nil` where it cannot be told.
  init(
    after answer: Sallyport_Link_V1_ShipResponse, to sent: Range<UInt64>,
    held: ClosedRange<UInt64>, stored: Checkpoint?, rootHere: (UInt64) -> Hash256?
  ) {
    switch answer.status {
    case .stored:
      self = Self.afterStoring(answer, sent)
    case .wrongCursor:
      self = Self.afterWrongCursor(answer, sent, held, stored, rootHere)
    case .retryLater:
      let milliseconds = min(60_000, max(10, answer.retryAfterMilliseconds))
      self = .wait(.milliseconds(Int64(milliseconds)))
    case .quarantined:
      self = .stuck(
        "the control plane has quarantined this agent: \(answer.reason); look at"
          + " `sallyport agents list`, then release it or enrol it anew in an empty state folder")
    case .unspecified, .UNRECOGNIZED:
      self = .stuck("the control plane's answer is of a newer version: upgrade the agent")
    }
  }

  /// Judges the answer to a batch without records, which asks where to go on; parameters as above.
  init(
    afterAsking answer: Sallyport_Link_V1_ShipResponse, held: ClosedRange<UInt64>,
    stored: Checkpoint?, rootHere: (UInt64) -> Hash256?
  ) {
    switch answer.status {
    case .wrongCursor:
      self = Self.at(answer.nextSeq, held, stored, rootHere)
    case .stored:
      self = .stuck("the control plane says that it has stored what was only a question")
    case .retryLater, .quarantined, .unspecified, .UNRECOGNIZED:
      self.init(after: answer, to: 0..<0, held: held, stored: stored, rootHere: rootHere)
    }
  }

  private static func afterStoring(
    _ answer: Sallyport_Link_V1_ShipResponse, _ sent: Range<UInt64>
  ) -> ShippingStep {
    guard answer.nextSeq == sent.upperBound else {
      return .stuck(
        "the control plane stored the records \(sent.lowerBound) to \(sent.upperBound - 1) but"
          + " goes on at \(answer.nextSeq): check that one control plane serves its database")
    }
    return .goOn(from: answer.nextSeq)
  }

  private static func afterWrongCursor(
    _ answer: Sallyport_Link_V1_ShipResponse, _ sent: Range<UInt64>,
    _ held: ClosedRange<UInt64>, _ stored: Checkpoint?, _ rootHere: (UInt64) -> Hash256?
  ) -> ShippingStep {
    guard answer.nextSeq != sent.lowerBound else {
      return .stuck("the control plane refused records at the place it asked for them")
    }
    return at(answer.nextSeq, held, stored, rootHere)
  }

  /// What to do when the control plane has the records below `next`.
  private static func at(
    _ next: UInt64, _ held: ClosedRange<UInt64>, _ stored: Checkpoint?,
    _ rootHere: (UInt64) -> Hash256?
  ) -> ShippingStep {
    guard next >= held.lowerBound else {
      return .stuck(
        "the control plane wants records from \(next) on, here they begin at"
          + " \(held.lowerBound): its database was restored from an older backup")
    }
    if let stored, stored.size == next {
      let here = next <= held.upperBound ? rootHere(next) : nil
      if next > held.upperBound || here.map({ $0 != stored.root }) == true {
        return .beginEpoch(citing: LogHead(size: stored.size, root: stored.root))
      }
    }
    guard next <= held.upperBound else {
      return .stuck(
        "the control plane has records up to \(next) of a log that ends at \(held.upperBound) here,"
          + " and no checkpoint that this agent has signed: do not trust either; look at its"
          + " database, then enrol the agent again in an empty state folder")
    }
    return .resume(at: next)
  }
}
