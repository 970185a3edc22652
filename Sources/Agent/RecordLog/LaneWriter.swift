import AuditLog
import GatewayModel

/// Writes the log of one lane. Used on one event loop only.
///
/// Records of a tick are appended to a buffer in memory; ``commit()`` hands them to the kernel with
/// one write. From then on they survive the agent being killed at any instant; the background sync
/// brings them to the medium. A caller forwards nothing that a record covers before the commit
/// that follows its ``append(_:session:at:)`` has returned.
package final class LaneWriter {
  /// What the lane takes.
  package enum Standing: Hashable, Sendable {
    /// Everything.
    case open
    /// There is no more room: records that tell what has happened are still taken, none that opens
    /// a session or a statement.
    case closing(RecordLogError)
    /// Nothing, until ``LaneWriter/reopen(at:)`` succeeds.
    case failed(RecordLogError)
  }

  package let log: LogID
  /// The seq of the next record.
  package internal(set) var nextSeq: UInt64
  package internal(set) var standing: Standing = .open {
    didSet { lane.withState { $0.standing = standing } }
  }

  let lane: LaneState
  let folder: LogFolder
  let sync: BackgroundSync
  let dueLosses: DueLosses
  var file: SegmentFile
  /// Where the next frame goes; everything before is committed.
  var offset: Int64
  /// Frames that wait for the next commit.
  var pending = FieldWriter(reserving: 64 * 1024)
  var texts = WrittenTexts()
  /// Why a record was not taken since the last commit; the next commit says it.
  var refusal: RecordLogError?
  /// Records in ``pending`` that tell what has happened; `nil` when there is none.
  var pendingTelling: Told?
  /// Records that told what has happened and could not be written; a `loss` record will say so.
  var dropped: Dropped?
  /// `log.open`, and `loss` where there is one, until they are written.
  var opening: Opening?
  var openedAt = WallTime(unixNanoseconds: 0)
  private var isClosed = false

  /// How many records there are, and when the first of them was appended.
  struct Told {
    var count: UInt64
    var from: WallTime
  }

  struct Dropped {
    var told: Told
    var reason: String
  }

  struct Opening {
    var open: LogOpenRecord
    var loss: LossRecord?
  }

  /// Pending bytes from which on the buffer is written without waiting for the commit, so that one
  /// long text does not take its size in memory twice.
  private static let earlyWriteBytes = 1 << 20

  init(
    lane: LaneState, file: SegmentFile, offset: Int64, nextSeq: UInt64, sync: BackgroundSync,
    dueLosses: DueLosses
  ) {
    log = lane.log
    self.lane = lane
    folder = lane.folder
    self.file = file
    self.offset = offset
    self.nextSeq = nextSeq
    self.sync = sync
    self.dueLosses = dueLosses
  }

  /// Whether a session or statement may begin. To be asked before its record is appended; one that
  /// is appended all the same makes the next commit fail.
  package var acceptsWork: Bool { standing == .open && folder.diskLevel < .full }

  package var hasPending: Bool { pending.count > 0 || refusal != nil }

  // MARK: Appending

  /// Encodes a record into the buffer.
  ///
  /// - Returns: its seq, or `nil` when the lane does not take it; then the next commit throws.
  @discardableResult
  package func append<Body: RecordBody>(
    _ body: borrowing Body, session: SessionID?, at time: WallTime
  ) -> UInt64? {
    guard admits(Body.kind, at: time) else { return nil }
    let start = beginFrame()
    RecordEncoder.append(
      body, header: RecordHeader(seq: nextSeq, time: time, session: session), to: &pending)
    return endFrame(start, tellingAt: Body.kind.tellsOfTraffic ? time : nil)
  }

  /// Appends the records of a statement's text, unless this log has had the text lately.
  ///
  /// Must stand before the first begin record that names the digest.
  package func appendText(
    _ text: UnsafeRawBufferPointer, digest: StatementDigest, at time: WallTime
  ) {
    guard !texts.contains(digest) else { return }
    var isWhole = true
    StatementTextChunk.chunks(of: text, digest: digest) { chunk in
      guard isWhole, admits(.statementText, at: time) else {
        isWhole = false
        return
      }
      let start = beginFrame()
      RecordEncoder.append(chunk, header: RecordHeader(seq: nextSeq, time: time), to: &pending)
      isWhole = endFrame(start, tellingAt: nil) != nil
    }
    // Not before: a long text is written as it is cut, and may fail in its middle.
    if isWhole { texts.insert(digest) }
  }

  func admits(_ kind: RecordKind, at time: WallTime) -> Bool {
    if case .failed(let error) = standing {
      refusal = error
      if kind.tellsOfTraffic { drop(Told(count: 1, from: time), reason: error) }
      return false
    }
    guard kind.opensWork, !acceptsWork else { return true }
    refusal = refusal ?? fullError()
    return false
  }

  func beginFrame() -> Int {
    let start = pending.count
    // Room for length and checksum, which are known at the end; then the kind.
    pending.appendLittleEndian(0)
    pending.appendByte(RecordFrame.recordKind)
    return start
  }

  @discardableResult
  func endFrame(_ start: Int, tellingAt time: WallTime?) -> UInt64? {
    let length = pending.count - start - RecordFrame.headerBytes
    guard length <= RecordFrame.maximumPayloadBytes else {
      pending.removeAll(after: start)
      refusal = RecordLogError(
        code: .tooLarge,
        message: "cannot record \(length) bytes in one record of log \(log): the most is "
          + "\(RecordFrame.maximumPayloadBytes); lower the limit of bound parameters")
      return nil
    }
    let checksum = pending.bytes.withUnsafeBytes {
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[(start + 8)...]))
    }
    pending.overwrite(at: start, with: UInt32(length))
    pending.overwrite(at: start + 4, with: checksum)
    let seq = nextSeq
    nextSeq += 1
    if let time {
      pendingTelling = Told(
        count: (pendingTelling?.count ?? 0) + 1, from: pendingTelling?.from ?? time)
    }
    if pending.count >= Self.earlyWriteBytes {
      do throws(RecordLogError) { try flush() } catch {
        refusal = error
        return nil
      }
    }
    return seq
  }

  // MARK: Committing

  /// Hands everything that was appended to the kernel, with one write.
  ///
  /// When it throws, nothing that waits for a record of this commit may be forwarded: a record was
  /// not taken, or the write failed. After a failed write the log ends with its last whole
  /// committed record, nothing of the commit is in it twice, and the lane has failed.
  package func commit() throws(RecordLogError) {
    if case .failed(let error) = standing {
      refusal = nil
      throw error
    }
    try flush()
    if let error = refusal {
      refusal = nil
      throw error
    }
  }

  private func flush() throws(RecordLogError) {
    guard pending.count > 0 else { return }
    if let failure = lane.withState({ $0.syncFailure }) { throw fail(failure) }
    do throws(RecordLogError) {
      try writePending(fromReserve: standing != .open)
    } catch {
      guard error.code == .full, standing == .open else { throw fail(error) }
      // The first that finds no room gives the reserve back to the disk and ends the work; its own
      // records find room there.
      if folder.configuration.maximumBytes == nil
        || folder.admits(pending.count, fromReserve: false)
      {
        folder.releaseReserve()
      }
      standing = .closing(error)
      do throws(RecordLogError) { try writePending(fromReserve: true) } catch { throw fail(error) }
    }
    let count = Int64(pending.count)
    offset += count
    folder.addUsed(count)
    pendingTelling = nil
    pending.removeAll()
    if pending.bytes.capacity > 8 << 20 { pending = FieldWriter(reserving: 64 * 1024) }
    texts.committed()
    let unsynced = lane.withState { state in
      state.committedSeq = nextSeq
      if !state.segments.isEmpty {
        state.segments[state.segments.count - 1].committedOffset = offset
      }
      return state.committedSeq - min(state.syncedSeq, state.committedSeq)
    }
    if unsynced > folder.configuration.maximumUnsyncedRecords {
      lane.synchronize()
    } else {
      sync.request()
    }
    if standing == .open, folder.diskLevel == .full { standing = .closing(fullError()) }
  }

  private func writePending(fromReserve: Bool) throws(RecordLogError) {
    guard folder.admits(pending.count, fromReserve: fromReserve) else { throw fullError() }
    if offset > Int64(SegmentHeader.byteCount),
      offset + Int64(pending.count) > Int64(folder.configuration.segmentBytes)
    {
      try roll()
    }
    do throws(FileFailure) { try file.write(pending.bytes, at: offset) } catch {
      // A part may be there. The next write would go over it, and the next start would cut it off;
      // it is cut off now so that readers of the file see whole frames.
      try? file.truncate(to: offset)
      throw .failed(
        "write \(pending.count) bytes to log \(log)", error,
        remedy: "look at the disk; the agent tries again by itself")
    }
  }

  /// Begins the next segment, after the one that ends is on the medium: so a power cut can tear the
  /// last segment only, and a start need not read the others.
  ///
  /// If the agent is killed after the file is made and before its header
  /// is whole, the next start writes the header anew: the name says it all.
  private func roll() throws(RecordLogError) {
    lane.synchronize()
    if let failure = lane.withState({ $0.syncFailure }) { throw failure }
    let first = lane.withState { $0.committedSeq }
    let next = try Self.makeSegment(log: log, firstSeq: first, folder: folder)
    lane.withState { state in
      state.segments.append(
        Segment(
          path: next.path, firstSeq: first, file: next,
          committedOffset: Int64(SegmentHeader.byteCount), syncedOffset: 0))
      state.folderIsDirty = true
    }
    file = next
    offset = Int64(SegmentHeader.byteCount)
  }

  static func makeSegment(
    log: LogID, firstSeq: UInt64, folder: LogFolder
  ) throws(RecordLogError) -> SegmentFile {
    let name = SegmentName(epoch: log.epoch, lane: log.lane, firstSeq: firstSeq)
    let path = folder.path(name.text)
    do throws(FileFailure) {
      let file = try SegmentFile(path: path, purpose: .makeNew, files: folder.files)
      do throws(FileFailure) {
        try file.write(SegmentHeader(log: log, firstSeq: firstSeq).bytes, at: 0)
      } catch {
        try? folder.files.remove(path)
        throw error
      }
      folder.addUsed(Int64(SegmentHeader.byteCount))
      return file
    } catch {
      throw .failed(
        "begin the segment \(path)", error, remedy: "let the agent write in its record folder")
    }
  }

  // MARK: Failing

  /// Takes back what is pending and lets the lane take nothing more.
  @discardableResult
  func fail(_ error: RecordLogError) -> RecordLogError {
    if let told = pendingTelling { drop(told, reason: error) }
    pendingTelling = nil
    pending.removeAll()
    nextSeq = lane.withState { $0.committedSeq }
    texts.rolledBack()
    standing = .failed(error)
    return error
  }

  /// Forgets what was appended since the last commit, as if it had never been.
  func takeBack() {
    pendingTelling = nil
    pending.removeAll()
    refusal = nil
    nextSeq = lane.withState { $0.committedSeq }
    texts.rolledBack()
  }

  private func drop(_ told: Told, reason: RecordLogError) {
    if dropped == nil {
      dropped = Dropped(
        told: Told(count: 0, from: told.from),
        reason: reason.code == .full ? "disk_full" : "io_error")
    }
    dropped?.told.count += told.count
  }

  func fullError() -> RecordLogError {
    let used = folder.usedBytes
    let limit = folder.configuration.maximumBytes
    return RecordLogError(
      code: .full,
      message: "cannot record more in log \(log): the folder \(folder.configuration.folder) takes "
        + "\(used) bytes" + (limit.map { " of at most \($0)" } ?? " and its disk is full")
        + "; let the control plane catch up or give the log more room")
  }

  // MARK: Ending

  /// Writes `log.close` and brings everything to the medium. The writer takes nothing afterwards.
  package func close(reason: String, at time: WallTime) throws(RecordLogError) {
    guard !isClosed else { return }
    append(LogCloseRecord(reason: reason), session: nil, at: time)
    try commit()
    lane.synchronize()
    if let failure = lane.withState({ $0.syncFailure }) { throw failure }
    isClosed = true
    lane.withState { $0.isClosed = true }
    standing = .failed(
      RecordLogError(code: .closed, message: "log \(log) is closed; start the agent again"))
  }
}

extension RecordKind {
  /// Whether a record of this kind that could not be written is lost: it tells of traffic, or of the
  /// policy, that there was.
  ///
  /// What the log says of itself is not: it is written when the lane takes records again.
  fileprivate var tellsOfTraffic: Bool {
    switch self {
    case .logOpen, .logClose, .loss, .heartbeat: false
    default: !opensWork
    }
  }
}
