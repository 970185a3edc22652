import AuditLog
import GatewayModel
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Recording again, in the present epoch, what this run has recorded in a log that was given up:
/// under its numbers the control plane has other records.
///
/// Goes part by part, so that the event loop of the writer that takes them has its turns in
/// between: a part is read on any thread (``nextPart()``), taken by a writer on its loop
/// (``LaneWriter/take(_:at:)``), and brought to the medium on any thread (``settle()``), where
/// ``MoveNote`` says so too.
package final class LogMove: Sendable {
  /// Some records of the log, in order and behind those of the part before.
  package struct Part: Sendable {
    let move: LogMove
    /// Before the first record: how many records of earlier runs may be lost, and since when.
    let loss: (atMost: UInt64, from: WallTime)?
    let records: [Data]
    let nextSeq: UInt64
    /// The same but for a text that goes on behind the part: then where that begins, or `nil` when
    /// it is in an earlier part.
    let wholeSeq: UInt64?
  }

  /// Bound how long a loop is at one part: about a millisecond.
  static let partRecords = 1_024
  static let partBytes = 256 << 10

  private let lane: LaneState
  private let writer: LaneState
  private let start: UInt64
  private let end: UInt64
  private let place = Mutex<RecordWalk.Position?>(nil)

  /// - Parameters:
  ///   - lane: The log that was given up; nobody writes it any more, and nobody else moves it.
  ///   - writer: The log that takes its records.
  init(_ lane: LaneState, to writer: LaneState) {
    self.lane = lane
    self.writer = writer
    (start, end) = lane.withState { state in
      let start = min(state.runStart ?? state.committedSeq, state.committedSeq)
      state.runStart = start
      return (start, state.committedSeq)
    }
  }

  deinit { lane.withState { $0.isMoving = false } }

  /// Reads the next part; `nil` when all is taken.
  package func nextPart() throws(RecordLogError) -> Part? {
    guard let from = lane.withState({ $0.movedSeq }) else {
      return Part(move: self, loss: try uncertain(), records: [], nextSeq: start, wholeSeq: start)
    }
    guard from < end else { return nil }
    do throws(FileFailure) {
      let (records, reached) = try lane.read(
        from: from, before: end, maximumRecords: Self.partRecords, maximumBytes: Self.partBytes,
        near: place.withLock { $0 })
      place.withLock { $0 = reached }
      let next = reached.frontier.size
      return Part(
        move: self, loss: nil, records: records, nextSeq: next,
        wholeSeq: Self.wholeSeq(records, from: from, to: next))
    } catch {
      throw lane.readingFailed(error, at: from)
    }
  }

  /// To be called when a writer has committed the part.
  func taken(_ part: Part) {
    lane.withState { state in
      state.movedSeq = part.nextSeq
      if let whole = part.wholeSeq { state.movedWholeSeq = whole }
    }
  }

  /// Brings what was taken to the medium, so that no segment that ends has much left to be synced,
  /// and notes there that it was.
  package func settle() throws(RecordLogError) {
    writer.synchronize()
    if let failure = writer.withState({ $0.syncFailure }) { throw failure }
    try lane.noteMove()
  }

  /// Where a later run would go on behind these records: with the `log.open` that it writes first
  /// nobody waits any more for the rest of a text, so that it has to come from its beginning.
  private static func wholeSeq(_ records: [Data], from: UInt64, to next: UInt64) -> UInt64? {
    for (index, record) in records.enumerated().reversed() {
      guard let decoded = try? RecordDecoder.decode(record),
        case .statementText(let text) = decoded.body, !text.isLast
      else { return from + UInt64(index) + 1 }
      if text.chunk == 0 { return from + UInt64(index) }
    }
    return records.isEmpty ? next : nil
  }

  /// Removes the log, when all of it was taken and settled.
  package func finish() throws(RecordLogError) {
    try settle()
    try lane.removeSegments()
    lane.removeMoveNote()
  }

  /// What the log had before this run and the control plane never acknowledged: it may be there or
  /// not.
  private func uncertain() throws(RecordLogError) -> (atMost: UInt64, from: WallTime)? {
    let acknowledged = lane.withState { $0.acknowledgedSeq }
    guard acknowledged < start else { return nil }
    return (atMost: start - acknowledged, from: try lane.record(at: acknowledged).header.time)
  }
}

extension LaneState {
  /// The record with a seq.
  fileprivate func record(at seq: UInt64) throws(RecordLogError) -> DecodedRecord {
    let records: [Data]
    do throws(FileFailure) {
      records = try read(
        from: seq, before: seq + 1, maximumRecords: 1, maximumBytes: 0, near: nil
      ).records
    } catch {
      throw readingFailed(error, at: seq)
    }
    guard let bytes = records.first, let found = try? RecordDecoder.decode(bytes) else {
      throw readingFailed(.damaged(folder.configuration.folder), at: seq)
    }
    return found
  }

  /// Goes from the last to the first: what a kill leaves begins as the log did.
  fileprivate func removeSegments() throws(RecordLogError) {
    let segments = withState { state in
      defer { state.segments = [] }
      return state.segments
    }
    for segment in segments.reversed() {
      do throws(FileFailure) {
        try folder.files.remove(segment.path)
        folder.addUsed(-segment.committedOffset)
      } catch {
        throw .failed(
          "remove the segment \(segment.path) of a superseded log", error,
          remedy: "let the agent write in its record folder")
      }
    }
    do throws(FileFailure) {
      try folder.files.synchronizeFolder(folder.configuration.folder)
    } catch {
      throw .failed("sync \(folder.configuration.folder)", error, remedy: "look at the disk")
    }
  }
}
