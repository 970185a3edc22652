import AuditLog
import GatewayModel

extension LaneWriter {
  /// Records a part of an earlier log again, all of it or, when it throws, nothing.
  ///
  /// To be called when nothing is pending: between two ticks.
  package func take(_ part: LogMove.Part, at time: WallTime) throws(RecordLogError) {
    // The last of the room is for what happens now; it is tried again when some was made.
    guard acceptsWork else {
      switch standing {
      case .open: throw fullError()
      case .closing(let error), .failed(let error): throw error
      }
    }
    if let loss = part.loss {
      append(
        LossRecord(
          reason: "restored", firstLostSeq: nextSeq, lostAtMost: loss.atMost, from: loss.from,
          to: time),
        session: nil, at: time)
    }
    for record in part.records { record.withUnsafeBytes { appendAgain($0) } }
    if let error = refusal {
      takeBack()
      throw error
    }
    try commit()
    part.move.taken(part)
  }

  /// Appends a record of an earlier log under the next seq of this one; its time stays.
  ///
  /// What that log said of itself is left out: it is true of that log only.
  private func appendAgain(_ record: UnsafeRawBufferPointer) {
    guard let kind = RecordKind(of: record), !kind.isOfTheLog else { return }
    guard admits(kind, at: .init(unixNanoseconds: 0)) else { return }
    let start = beginFrame()
    RecordEncoder.append(record, seq: nextSeq, to: &pending)
    endFrame(start, tellingAt: nil)
  }
}

extension RecordKind {
  /// Whether it tells of the log that it stands in, and not of what the agent did.
  fileprivate var isOfTheLog: Bool {
    switch self {
    case .logOpen, .logClose, .heartbeat: true
    default: false
    }
  }
}
