import AuditLog
import GatewayModel

/// Going on in a new epoch while the agent runs: its folder was restored or copied, and the control
/// plane has another history under the numbers that come next.
extension RecordLogDirectory {
  /// Lets every writer that is opened from now on write in a higher epoch; does nothing when `log`
  /// is of an earlier epoch already.
  ///
  /// The writers of the epoch that ends must take nothing more once they are replaced.
  ///
  /// - Parameters:
  ///   - log: The log that was found to have another history.
  ///   - head: What the control plane has of it, which the new epoch cites. Of the other lanes it
  ///     cites what was agreed on in this run: their logs may be another history too.
  package func beginEpoch(after log: LogID, citing head: LogHead, now: WallTime) {
    // Hashes what was not read yet, so not under the lock.
    let ending = lanes.withLock { $0.filter { $0.key.epoch == log.epoch } }
    var heads: [UInt32: LogHead] = [:]
    for (other, lane) in ending { heads[other.lane] = lane.agreedHead }
    heads[log.lane] = head
    let begins = current.withLock { current in
      guard current.number == log.epoch, current.number < .max else { return false }
      let seconds = UInt64(max(0, now.unixNanoseconds / 1_000_000_000))
      current = Epoch(number: max(current.number + 1, seconds), previous: heads)
      return true
    }
    guard begins else { return }
    for lane in ending.values {
      lane.withState { state in
        state.isSuperseded = true
        state.isClosed = true
      }
    }
  }

  /// Writes what this run has recorded in a log of an earlier epoch again, with the writer of the
  /// present one, and removes the log: under its numbers the control plane has other records.
  ///
  /// What the log had before this run and the control plane never acknowledged may be there or not;
  /// a `loss` record says how much that is at most. Does nothing when the log is gone already.
  ///
  /// If the agent is killed before it is done, the next start finds the log again and records a loss
  /// for all of it that was not acknowledged.
  package func move(
    _ log: LogID, to writer: LaneWriter, at time: WallTime
  ) throws(RecordLogError) {
    guard writer.log.epoch > log.epoch, let lane = lanes.withLock({ $0[log] }) else { return }
    let (start, acknowledged, end, isThere) = lane.withState { state in
      (
        state.runStart ?? state.committedSeq, state.acknowledgedSeq, state.committedSeq,
        !state.segments.isEmpty
      )
    }
    guard isThere else { return }
    do throws(RecordLogError) {
      if lane.withState({ $0.movedSeq == nil }) {
        try sayUncertain(acknowledged..<max(acknowledged, start), of: lane, to: writer, at: time)
        lane.withState { $0.movedSeq = start }
      }
      while let from = lane.withState({ $0.movedSeq }), from < end {
        let next = try moveSome(of: lane, from: from, before: end, to: writer)
        lane.withState { $0.movedSeq = next }
      }
    } catch {
      // What was not committed is appended again by the next try.
      writer.takeBack()
      throw error
    }
    try writer.synchronize()
    try lane.removeSegments()
  }

  /// Says how many records may be lost, if any.
  private func sayUncertain(
    _ range: Range<UInt64>, of lane: LaneState, to writer: LaneWriter, at time: WallTime
  ) throws(RecordLogError) {
    guard !range.isEmpty else { return }
    let from = try lane.record(at: range.lowerBound).header.time
    writer.append(
      LossRecord(
        reason: "restored", firstLostSeq: writer.nextSeq, lostAtMost: UInt64(range.count),
        from: from, to: time),
      session: nil, at: time)
    try writer.commit()
  }

  /// Records a part of a log again and commits it; returns where the next part begins.
  private func moveSome(
    of lane: LaneState, from seq: UInt64, before end: UInt64, to writer: LaneWriter
  ) throws(RecordLogError) -> UInt64 {
    let next: UInt64
    do throws(FileFailure) {
      var walk = try lane.walk(to: seq)
      while walk.seq < end, walk.seq - seq < Self.movedAtOnce {
        let step = try walk.next { payload in
          writer.appendAgain(payload)
          return true
        }
        guard step == .taken else { throw .damaged(walk.position.file.path) }
      }
      next = walk.seq
    } catch {
      throw lane.readingFailed(error, at: seq)
    }
    try writer.commit()
    return next
  }

  /// In records; each part is one commit.
  private static let movedAtOnce: UInt64 = 256
}

extension LaneState {
  /// The record with a seq.
  fileprivate func record(at seq: UInt64) throws(RecordLogError) -> DecodedRecord {
    var found: DecodedRecord?
    do throws(FileFailure) {
      var walk = try walk(to: seq)
      _ = try walk.next { payload in
        found = try? RecordDecoder.decode(payload)
        return true
      }
    } catch {
      throw readingFailed(error, at: seq)
    }
    guard let found else {
      throw readingFailed(.damaged(folder.configuration.folder), at: seq)
    }
    return found
  }

  fileprivate func removeSegments() throws(RecordLogError) {
    let segments = withState { state in
      defer { state.segments = [] }
      return state.segments
    }
    for segment in segments {
      do throws(FileFailure) {
        try folder.files.remove(segment.path)
        folder.addUsed(-segment.committedOffset)
      } catch {
        throw .failed(
          "remove the segment \(segment.path) of a superseded log", error,
          remedy: "let the agent write in its record folder")
      }
    }
  }
}
