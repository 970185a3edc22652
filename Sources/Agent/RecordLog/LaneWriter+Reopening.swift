import AuditLog
import GatewayModel

extension LaneWriter {
  /// Tries to take records again after a failure or after the room ran out.
  ///
  /// To be called about once a second while ``standing`` is not `open`. It cuts off what a failed
  /// write left, writes again what a failed sync covered, takes the reserve back, and records as
  /// `loss` what could not be recorded in between.
  package func reopen(at time: WallTime) throws(RecordLogError) {
    switch standing {
    case .open where acceptsWork: return
    case .failed(let error) where error.code == .closed: throw error
    default: break
    }
    if case .failed = standing {
      do throws(FileFailure) { try file.truncate(to: offset) } catch {
        throw .failed("mend log \(log)", error, remedy: "look at the disk")
      }
    }
    try rewriteUnsynced()
    do throws(FileFailure) { try folder.takeReserve() } catch {
      throw .failed(
        "take back the reserve of \(folder.configuration.reserveBytes) bytes", error,
        remedy: "look at the disk")
    }
    guard folder.measure().level < .full else { throw fullError() }
    try dueLosses.noteRun()
    standing = .open
    refusal = nil
    appendOpening()
    if let dropped {
      append(
        LossRecord(
          reason: dropped.reason, firstLostSeq: nextSeq, lostAtMost: dropped.told.count,
          from: dropped.told.from, to: time),
        session: nil, at: time)
    }
    try commit()
    openingIsWritten()
    dropped = nil
  }

  /// Writes `log.open` and what the start found missing. A failure is kept: the writer is there,
  /// takes nothing, and ``reopen(at:)`` tries again.
  func begin(_ opening: Opening, at time: WallTime) {
    self.opening = opening
    openedAt = time
    do throws(RecordLogError) { try dueLosses.noteRun() } catch {
      fail(error)
      return
    }
    appendOpening()
    do throws(RecordLogError) {
      try commit()
      openingIsWritten()
    } catch {
      return
    }
  }

  /// Brings the opening to the medium before any work: behind a `log.close` that is the last
  /// record there nothing was let through, also after a power cut.
  private func openingIsWritten() {
    guard opening != nil else { return }
    // A failure stops the next commit.
    lane.synchronize()
    if opening?.loss != nil { dueLosses.recorded(log.lane) }
    opening = nil
  }

  private func appendOpening() {
    guard let opening else { return }
    append(opening.open, session: nil, at: openedAt)
    if let loss = opening.loss { append(loss, session: nil, at: openedAt) }
  }

  /// Writes again what a failed sync covered.
  ///
  /// After a failed sync the kernel holds the pages for clean although they may not be on the
  /// medium; a second sync would say "done" without writing them. Writing them again makes them
  /// dirty, so that the sync that follows tells the truth.
  private func rewriteUnsynced() throws(RecordLogError) {
    guard lane.withState({ $0.syncFailure != nil }) else { return }
    try lane.exclusivelySyncing { () throws(RecordLogError) in
      let unsynced = lane.withState { state in
        state.segments.filter { $0.syncedOffset < $0.committedOffset }
      }
      do throws(FileFailure) {
        for segment in unsynced {
          guard let file = segment.file else { continue }
          var position = segment.syncedOffset
          var buffer = [UInt8](repeating: 0, count: 1 << 20)
          while position < segment.committedOffset {
            let wanted = Int(min(Int64(buffer.count), segment.committedOffset - position))
            let count = try file.read(into: &buffer, count: wanted, at: position)
            if count == 0 { break }
            try file.write(Array(buffer.prefix(count)), at: position)
            position += Int64(count)
          }
          try check(segment, file)
          try file.synchronize()
        }
        try folder.files.synchronizeFolder(folder.configuration.folder)
      } catch {
        throw .failed(
          "write log \(log) again after a failed sync", error,
          remedy: "look at the disk, then start the agent again")
      }
      lane.withState { $0.syncFailure = nil }
    }
    lane.synchronize()
  }

  /// Compares the checksums of what was just written again: a page that was thrown away after the
  /// failed sync comes back as what the medium had.
  private func check(_ segment: Segment, _ file: SegmentFile) throws(FileFailure) {
    let start = max(segment.syncedOffset, Int64(SegmentHeader.byteCount))
    var cursor = FrameCursor(file: file, from: start, limit: segment.committedOffset)
    while true {
      switch try cursor.next({ _ in }) {
      case .frame: continue
      case .end: return
      // The medium lost what the kernel had taken; only a restart, which looks for the damage and
      // begins a new epoch, goes on from here.
      case .bad: throw .damaged(segment.path)
      }
    }
  }
}
