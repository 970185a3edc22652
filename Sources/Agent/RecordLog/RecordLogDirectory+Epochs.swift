import AuditLog
import GatewayModel

/// Going on in a new epoch while the agent runs: its folder was restored or copied, and the control
/// plane has another history under the numbers that come next.
extension RecordLogDirectory {
  /// Lets every writer that is opened from now on write in a higher epoch; begins none when `log`
  /// is of an earlier epoch already.
  ///
  /// What the lanes are to cite is on the medium when it returns. A writer of the epoch that ends
  /// must take nothing more once that of its lane in the new one is opened.
  ///
  /// - Parameters:
  ///   - log: The log that was found to have another history.
  ///   - standings: What is known of the logs of each lane, `log` among them. A lane that is not in
  ///     it cites what was agreed on in this run: its log may be another history too.
  package func beginEpoch(
    after log: LogID, citing standings: [UInt32: LogStanding], now: WallTime
  ) throws(RecordLogError) {
    // Hashes what was not read yet, so not under the lock.
    let ending = lanes.withLock { $0.filter { $0.key.epoch == log.epoch } }
    var citations: [UInt32: Citation] = [:]
    for (other, lane) in ending {
      citations[other.lane] =
        pendingCitation(of: lane, standings[other.lane]) ?? lane.citation(standings[other.lane])
    }
    let begins = current.withLock { current in
      guard current.number == log.epoch, current.number < .max else { return false }
      let seconds = UInt64(max(0, now.unixNanoseconds / 1_000_000_000))
      // A lane without a log in the epoch that ends cites what it would have cited there.
      let endingLanes = Set(ending.keys.map(\.lane))
      citations.merge(current.citations.filter { !endingLanes.contains($0.key) }) { own, _ in own }
      current = Epoch(number: max(current.number + 1, seconds), citations: citations)
      return true
    }
    if begins {
      for lane in ending.values {
        // Those that are written end when their lane has its writer in the new epoch.
        lane.withState { if !$0.isWritten || $0.isClosed { $0.isSuperseded = true } }
      }
    }
    try noteEpoch()
  }

  /// Brings to the medium what the lanes are to cite in this epoch, where it is not there yet, and
  /// before that where this run began in the logs that it ends.
  func noteEpoch() throws(RecordLogError) {
    let number = epoch
    let ending = lanes.withLock { $0.filter { $0.key.epoch < number }.map(\.value) }
    for lane in ending where lane.withState({ $0.notedMove == nil && !$0.segments.isEmpty }) {
      try lane.noteMove()
    }
    try current.withLock { current throws(RecordLogError) in
      if current.isNoted { return }
      try EpochNote(epoch: current.number, citations: current.citations).write(in: folder)
      current.isNoted = true
    }
  }

  /// What a lane is still to cite whose log has no record, here or at the control plane: `nil` when
  /// its log has cited it.
  private func pendingCitation(of lane: LaneState, _ standing: LogStanding?) -> Citation? {
    if case .other = standing { return nil }
    guard lane.withState({ $0.committedSeq == 0 }) else { return nil }
    return current.withLock { $0.citations[lane.log.lane] }
  }

  /// What the log of a lane in this epoch cites: of one that is cited whole, all that it has now.
  func head(citedBy number: UInt32) -> LogHead? {
    guard let citation = current.withLock({ $0.citations[number] }) else { return nil }
    guard let epoch = citation.wholeOf,
      let lane = lanes.withLock({ $0[LogID(agent: agent, epoch: epoch, lane: number)] }),
      let head = lane.settledHead, head.size >= citation.head.size
    else { return citation.head }
    return head
  }

  /// Ends what a lane had in earlier epochs: its writer is another one from now on.
  func supersede(lane number: UInt32, before epoch: UInt64) {
    let earlier = lanes.withLock { lanes in
      lanes.filter { $0.key.lane == number && $0.key.epoch < epoch }.values.map { $0 }
    }
    for lane in earlier {
      lane.withState { state in
        state.isSuperseded = true
        if state.isWritten { state.isClosed = true }
        state.placeNearEnd = nil
      }
    }
  }

  /// Begins to record again, with the writer of a lane of the present epoch, what this run has
  /// recorded in a log of an earlier one that has another history at the control plane; `nil` when
  /// the log is gone already.
  ///
  /// If the agent is killed before it is done, the next start finds the log again and goes on as
  /// ``MoveNote`` says. What runs before that one left in it and was not acknowledged is a loss.
  ///
  /// - Throws: `busy` when somebody is at it already.
  package func move(_ log: LogID, to writer: LogID) throws(RecordLogError) -> LogMove? {
    let (old, new) = lanes.withLock { ($0[log], $0[writer]) }
    guard writer.epoch > log.epoch, let old, let new,
      old.withState({ !$0.segments.isEmpty })
    else { return nil }
    let wasMoving = old.withState { state in
      defer { state.isMoving = true }
      return state.isMoving
    }
    guard !wasMoving else {
      throw RecordLogError(
        code: .busy, message: "log \(log) is being recorded again already; wait for that")
    }
    return LogMove(old, to: new)
  }

  /// Whether the records of a log may be shipped now.
  ///
  /// A log of an earlier epoch waits until the control plane has the record that cites it: before
  /// that only times of this host's clock would tell it from one that a copy of this agent writes.
  package func mayShip(_ log: LogID) -> Bool {
    let present = LogID(agent: agent, epoch: epoch, lane: log.lane)
    guard log.epoch < present.epoch, let citing = lanes.withLock({ $0[present] }) else {
      return true
    }
    // With nothing in it, as on a full disk, waiting for it would last for ever.
    return citing.withState { $0.acknowledgedSeq > 0 || $0.syncedSeq == 0 }
  }
}

extension LaneState {
  /// What a new epoch cites of the log; of one of which nothing is known, no record.
  fileprivate func citation(_ standing: LogStanding?) -> Citation {
    switch standing {
    case .other(let head): return Citation(head: head)
    case .agreed:
      guard let place = try? walk(to: withState { $0.syncedSeq }).position else { break }
      withState { $0.placeNearEnd = place }
      return Citation(
        head: LogHead(size: place.frontier.size, root: place.frontier.root), wholeOf: log.epoch)
    case nil: break
    }
    return Citation(head: agreedHead ?? LogHead(size: 0, root: nil))
  }

  /// Of all that is on the medium, after bringing there what was committed; `nil` when it cannot be
  /// told.
  fileprivate var settledHead: LogHead? {
    synchronize()
    let (size, place) = withState { ($0.syncedSeq, $0.placeNearEnd) }
    guard let root = try? walk(to: size, near: place).position.frontier.root else { return nil }
    return LogHead(size: size, root: root)
  }
}
