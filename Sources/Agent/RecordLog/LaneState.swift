import AuditLog
import Dispatch
import GatewayModel
import Synchronization

/// One segment of a log.
struct Segment {
  let path: String
  let firstSeq: UInt64
  /// Open for writing: the segment that is written, and those not yet synced.
  var file: SegmentFile?
  /// Where the last committed frame ends.
  var committedOffset: Int64
  /// Up to here the bytes are on the medium.
  var syncedOffset: Int64
  /// Behind ``committedOffset`` stands what could not be read; the file is kept as evidence.
  var isDamaged = false
}

/// What the writer, the background sync and the readers of one log know together.
///
/// The writer appends on its event loop, the sync runs on its own queue, readers are tasks; each
/// holds the lock only to read or set numbers, never during a file call.
final class LaneState: Sendable {
  struct State {
    var segments: [Segment] = []
    /// One behind the last record that was handed to the kernel.
    var committedSeq: UInt64 = 0
    /// One behind the last record that is on the medium; readers see no further, so that a power
    /// cut cannot take back what was shipped.
    var syncedSeq: UInt64 = 0
    /// The folder has names that are not on the medium.
    var folderIsDirty = false
    /// Everything below is stored by the control plane.
    var acknowledgedSeq: UInt64 = 0
    /// Where the control plane and this run have agreed last; `nil` until they have.
    var agreedSeq: UInt64?
    /// Records from here on are in no backup of the control plane; 0 when it names none.
    var keepFromSeq: UInt64 = 0
    /// Of a superseded log: up to where it was recorded again in the epoch that follows.
    var movedSeq: UInt64?
    /// The same but for a text that is not whole there yet: from here on a later run goes on.
    var movedWholeSeq: UInt64?
    /// What is on the medium of that, and where the next note goes in its file.
    var notedMove: MoveNote?
    var moveNoteEnd: Int64 = 0
    /// Somebody is at moving it.
    var isMoving = false
    /// A place near the end from which on it is quickly hashed to its end, kept when it is to be
    /// cited.
    var placeNearEnd: RecordWalk.Position?
    /// A sync failed: what it covered may not be on the medium whatever later syncs say.
    var syncFailure: RecordLogError?
    /// As the writer last said.
    var standing: LaneWriter.Standing = .open
    /// Whether an earlier run left it without `log.close`.
    var isLeftOpen = false
    /// Whether a writer has it, and whether that has ended in order.
    var isWritten = false
    var isClosed = false
    /// Whether the agent has gone on in a higher epoch.
    var isSuperseded = false
    /// Where the run that writes it began to write, or wrote it last where it is to be recorded
    /// again; `nil` where that is not known.
    var runStart: UInt64?
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var nextWaiter: UInt64 = 0
    var syncRequests = SyncRequests()
  }

  let log: LogID
  let folder: LogFolder
  private let state: Mutex<State>
  private let syncing = Mutex<Void>(())
  /// For syncs that sessions wait for.
  let requests = DispatchQueue(label: "sallyport.record-log.sync-now")

  init(
    log: LogID, folder: LogFolder, segments: [Segment], endSeq: UInt64, isLeftOpen: Bool = false
  ) {
    self.log = log
    self.folder = folder
    var state = State()
    state.segments = segments
    state.committedSeq = endSeq
    state.syncedSeq = endSeq
    state.acknowledgedSeq = segments.first?.firstSeq ?? endSeq
    state.isLeftOpen = isLeftOpen
    self.state = Mutex(state)
  }

  func withState<R>(_ body: (inout State) -> R) -> R {
    state.withLock { body(&$0) }
  }

  // MARK: Sync

  /// Brings everything committed so far to the medium, and lets readers see it.
  ///
  /// A failure is kept: it stops the lane's next commit.
  func synchronize() { exclusivelySyncing { synchronizeNow() } }

  /// Runs `body` while nobody else syncs the lane.
  ///
  /// The kernel reports a failed write once for an open file: of two syncs at a time one would be
  /// told that all is well.
  func exclusivelySyncing<E: Error>(_ body: () throws(E) -> Void) throws(E) {
    try syncing.withLock { _ throws(E) in try body() }
  }

  private func synchronizeNow() {
    let (files, folderIsDirty, target, failed) = withState { state in
      let files = state.segments.compactMap { segment -> (SegmentFile, Int64)? in
        guard segment.syncedOffset < segment.committedOffset, let file = segment.file else {
          return nil
        }
        return (file, segment.committedOffset)
      }
      return (files, state.folderIsDirty, state.committedSeq, state.syncFailure != nil)
    }
    if failed { return failRequests() }
    if files.isEmpty, !folderIsDirty {
      finish(files: [], seq: target, folder: false)
      return
    }
    do throws(FileFailure) {
      for (file, _) in files { try file.synchronize() }
      if folderIsDirty { try folder.files.synchronizeFolder(folder.configuration.folder) }
    } catch {
      let failure = RecordLogError.failed(
        "sync log \(log)", error, remedy: "look at the disk, then let the agent try again")
      withState { $0.syncFailure = failure }
      return failRequests()
    }
    finish(files: files, seq: target, folder: folderIsDirty)
  }

  private func failRequests() {
    let (answers, failure) = withState { ($0.syncRequests.takeAll(), $0.syncFailure) }
    guard let failure else { return }
    for answer in answers { answer(.failure(failure)) }
  }

  private func finish(files: [(SegmentFile, Int64)], seq: UInt64, folder: Bool) {
    let (waiters, answers, synced) = withState { state in
      for (file, offset) in files {
        guard let index = state.segments.lastIndex(where: { $0.file === file }) else { continue }
        state.segments[index].syncedOffset = max(state.segments[index].syncedOffset, offset)
        // Only the last segment is written any more.
        if index < state.segments.count - 1,
          state.segments[index].syncedOffset == state.segments[index].committedOffset
        {
          state.segments[index].file = nil
        }
      }
      if folder { state.folderIsDirty = false }
      // Never beyond what is committed now: a reopened lane may have taken records back.
      let synced = max(state.syncedSeq, min(seq, state.committedSeq))
      let isNews = synced > state.syncedSeq
      state.syncedSeq = synced
      defer { if isNews { state.waiters.removeAll() } }
      return (
        isNews ? Array(state.waiters.values) : [], state.syncRequests.take(below: synced), synced
      )
    }
    for waiter in waiters { waiter.resume() }
    for answer in answers { answer(.success(synced)) }
  }

  // MARK: Waiting

  /// Returns when a record with `seq` can be read, when woken otherwise, or when cancelled.
  func waitForRecord(_ seq: UInt64) async {
    let id = withState { state in
      defer { state.nextWaiter += 1 }
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isReady = withState { state in
          if state.syncedSeq > seq || Task.isCancelled { return true }
          state.waiters[id] = continuation
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      withState { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }

  // MARK: Acknowledging

  /// Notes that the control plane goes on at `seq`, which can be below what it had acknowledged: its
  /// database was restored from a backup. Deletes nothing.
  func resume(at seq: UInt64) throws(RecordLogError) {
    try requireRecords(before: seq)
    withState { state in
      state.acknowledgedSeq = seq
      state.agreedSeq = seq
    }
  }

  /// Notes that everything below `seq` is stored, and deletes segments that are not kept.
  ///
  /// - Parameter keepFrom: The first record that no backup of the control plane has; 0 when it names
  ///   none.
  func acknowledge(before seq: UInt64, keepingFrom keepFrom: UInt64) throws(RecordLogError) {
    try requireRecords(before: seq)
    let retained = folder.diskLevel >= .warn ? 0 : folder.configuration.retainedBytes
    withState { state in
      state.acknowledgedSeq = max(state.acknowledgedSeq, seq)
      state.agreedSeq = state.acknowledgedSeq
      state.keepFromSeq = keepFrom
    }
    let (count, next) = deletable(retaining: retained)
    guard count > 0 else { return }
    if let next { try keepFrontier(before: next) }
    let deleted = withState { state -> [Segment] in
      defer { state.segments.removeFirst(min(count, state.segments.count)) }
      return Array(state.segments.prefix(count))
    }
    for segment in deleted {
      do throws(FileFailure) {
        try folder.files.remove(segment.path)
        folder.addUsed(-segment.committedOffset)
      } catch {
        throw RecordLogError.failed(
          "remove the stored segment \(segment.path)", error,
          remedy: "let the agent write in its record folder")
      }
    }
  }

  private func requireRecords(before seq: UInt64) throws(RecordLogError) {
    let end = withState { $0.committedSeq }
    guard seq <= end else {
      throw RecordLogError(
        code: .outOfRange,
        message: "cannot take the acknowledgement of log \(log) up to seq \(seq): the folder has "
          + "records below \(end) only; it was restored or copied from an older state, so move it "
          + "away and start the agent with an empty one")
    }
  }

  /// Up to where a segment may end that goes. What no backup has yet is kept until the disk gets
  /// short.
  private static func deletableEnd(_ state: State, level: DiskLevel) -> UInt64 {
    guard state.keepFromSeq > 0, level < .slow else { return state.acknowledgedSeq }
    return min(state.acknowledgedSeq, state.keepFromSeq)
  }

  /// How many segments from the first may go, and the first seq of the one behind them.
  private func deletable(retaining retained: Int64) -> (count: Int, next: UInt64?) {
    let level = folder.diskLevel
    return withState { state in
      let end = Self.deletableEnd(state, level: level)
      var stored = 0
      while stored < state.segments.count {
        let next = stored + 1
        let isLast = next == state.segments.count
        // It is written, or it is the last of a log that is written no more.
        if isLast && !state.isSuperseded { break }
        let endSeq = isLast ? state.committedSeq : state.segments[next].firstSeq
        // Damage is kept for who wants to look at it.
        guard endSeq <= end, !state.segments[stored].isDamaged else { break }
        stored = next
      }
      var kept: Int64 = 0
      var count = stored
      while count > 0, kept + state.segments[count - 1].committedOffset <= retained {
        kept += state.segments[count - 1].committedOffset
        count -= 1
      }
      return (count, state.segments.indices.contains(count) ? state.segments[count].firstSeq : nil)
    }
  }
}

extension RecordLogError {
  /// An error out of a failed system call; want of room is told from other failures.
  static func failed(_ act: String, _ failure: FileFailure, remedy: String) -> RecordLogError {
    RecordLogError(
      code: failure.isNoSpace ? .full : .io,
      message: "cannot \(act): \(failure.call) \(failure.path): \(failure.reason); "
        + (failure.isNoSpace
          ? "make room on the disk or let the control plane catch up" : remedy))
  }
}
