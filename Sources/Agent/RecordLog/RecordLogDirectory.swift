import AuditLog
import GatewayModel
import Synchronization

/// The folder of an agent's logs: one process has it at a time.
///
/// Files: `lock`; `running`, there while the log is not closed in order, with the host's boot
/// identifier; `reserve`; what an epoch's logs cite, as ``EpochNote`` says; how far a log that was
/// given up is recorded again, as ``MoveNote`` says; and segments as ``SegmentName`` names them.
package final class RecordLogDirectory: Sendable {
  /// The epoch that this run writes.
  ///
  /// An agent goes on with the epoch of the folder. A new one begins in an empty folder, after
  /// damage, and when the caller asks for a higher one; its number is the Unix time in seconds
  /// where that is higher, so that a folder that was lost does not begin an epoch a second time.
  package var epoch: UInt64 { current.withLock { $0.number } }
  package let agent: AgentID

  let folder: LogFolder
  private let lock: SegmentFile
  private let sync: BackgroundSync
  let lanes: Mutex<[LogID: LaneState]>
  private let marker: RunMarker
  private let dueLosses: DueLosses
  /// The writers of lanes that only get their end and have failed so far.
  private let unusedLanes = Mutex<[UInt32: LaneWriter]>([:])
  let current: Mutex<Epoch>

  struct Epoch {
    var number: UInt64
    /// What the lanes cite whose logs have not begun yet in this epoch.
    var citations: [UInt32: Citation] = [:]
    /// Whether that is on the medium.
    var isNoted = false
  }

  /// Opens, locks and recovers the folder.
  ///
  /// Throws `locked` when another process has it, `unusable` when it cannot be made, written or
  /// belongs to another agent, `io` when it cannot be read.
  package init(
    configuration: RecordLogConfiguration, agent: AgentID,
    files: any FileAccess = PosixFiles(), minimumEpoch: UInt64 = 0, now: WallTime
  ) throws(RecordLogError) {
    let folder = LogFolder(configuration: configuration, files: files)
    self.folder = folder
    self.agent = agent
    lock = try Self.lock(folder)
    // A disk without room for the reserve lets the agent start and say so; nothing is let in.
    try? folder.takeReserve()
    marker = RunMarker(folder: folder)
    let recovered = try FolderRecovery.run(
      folder: folder, agent: agent, hostRestarted: marker.tellsOfHostRestart(),
      minimumEpoch: minimumEpoch, now: now)
    current = Mutex(
      Epoch(
        number: recovered.epoch, citations: recovered.citations,
        isNoted: recovered.citations.isEmpty || recovered.isNoted))
    for (log, lane) in recovered.lanes where log.epoch != recovered.epoch {
      lane.withState { $0.isSuperseded = true }
    }
    lanes = Mutex(recovered.lanes)
    dueLosses = try DueLosses(recovered.losses, marker: marker)
    sync = BackgroundSync(folder: folder)
    folder.measure()
  }

  // MARK: Writers and readers

  /// Opens the log of a lane for writing and writes `log.open`, and `loss` where the last run left
  /// something missing.
  ///
  /// A lane has one writer at a time. The writer can already be failing when the disk is full; see
  /// ``LaneWriter/standing``.
  package func openWriter(
    lane number: UInt32, identity: WriterIdentity, at time: WallTime
  ) throws(RecordLogError) -> sending LaneWriter {
    let epoch = epoch
    let log = LogID(agent: agent, epoch: epoch, lane: number)
    let known = lanes.withLock { $0[log] }
    let isContinued = known.map { $0.withState { $0.committedSeq > 0 } } ?? false
    let lane: LaneState
    if let known {
      lane = known
    } else {
      try noteEpoch()
      let file = try LaneWriter.makeSegment(log: log, firstSeq: 0, folder: folder)
      lane = LaneState(
        log: log, folder: folder,
        segments: [
          Segment(
            path: file.path, firstSeq: 0, file: file,
            committedOffset: Int64(SegmentHeader.byteCount), syncedOffset: 0)
        ], endSeq: 0)
      lane.withState { $0.folderIsDirty = true }
      lanes.withLock { $0[log] = lane }
    }
    let (last, endSeq, isTaken) = lane.withState { state in
      defer {
        state.isWritten = true
        state.runStart = state.committedSeq
      }
      return (state.segments.last, state.committedSeq, state.isWritten)
    }
    guard !isTaken, let last, let file = last.file else {
      throw RecordLogError(
        code: .locked, message: "log \(log) has a writer already; open each lane once")
    }
    let previous = isContinued ? nil : head(citedBy: number)
    supersede(lane: number, before: epoch)
    sync.add(lane)
    let writer = LaneWriter(
      lane: lane, file: file, offset: last.committedOffset, nextSeq: endSeq, sync: sync,
      dueLosses: dueLosses)
    writer.begin(
      LaneWriter.Opening(
        open: LogOpenRecord(
          log: log, agentVersion: identity.agentVersion, host: identity.host,
          continued: isContinued,
          previousRoot: previous?.root?.bytes ?? [], previousSize: previous?.size ?? 0),
        loss: dueLosses.loss(of: number)),
      at: time)
    return writer
  }

  /// Ends the logs of lanes that the last run had and this one has not: with `log.close`, and with
  /// what was found missing in them, so that what was open there ends for who reads them.
  ///
  /// To be called when all lanes of this run have their writers, and again while it throws; what is
  /// done already is not done twice. One failing lane does not keep the others from their end. What
  /// is never done, since the agent is killed before, is found again at the next start.
  ///
  /// Throws the first failure; `full` without having written anything when there is no room.
  package func closeUnusedLanes(
    identity: WriterIdentity, at time: WallTime
  ) throws(RecordLogError) {
    let failure = unusedLanes.withLock { writers -> RecordLogError? in
      var first: RecordLogError?
      for number in unusedLaneNumbers(among: Set(writers.keys)) {
        do throws(RecordLogError) {
          let writer: LaneWriter
          if let known = writers[number] {
            writer = known
          } else {
            try requireRoom()
            writer = try openWriter(lane: number, identity: identity, at: time)
            writers[number] = writer
          }
          if case .failed = writer.standing { try writer.reopen(at: time) }
          try writer.close(reason: "lane_unused", at: time)
          writers[number] = nil
        } catch {
          first = first ?? error
        }
      }
      return first
    }
    if let failure { throw failure }
  }

  /// The lanes of this epoch that wait for ``closeUnusedLanes(identity:at:)``.
  ///
  /// Those of earlier epochs are written no more: the first `log.open` of this epoch ends them.
  private func unusedLaneNumbers(among begun: Set<UInt32>) -> [UInt32] {
    let current = lanes.withLock { $0.filter { $0.key.epoch == epoch } }
    var numbers = Set(dueLosses.lanes)
    for (log, lane) in current where lane.withState({ $0.isLeftOpen }) { numbers.insert(log.lane) }
    for (log, lane) in current where lane.withState({ $0.isWritten }) { numbers.remove(log.lane) }
    return numbers.union(begun).sorted()
  }

  /// Leaves the last of the room to the lanes in use.
  private func requireRoom() throws(RecordLogError) {
    guard folder.measure().level < .full else {
      throw RecordLogError(
        code: .full,
        message: "cannot close the logs of unused lanes in \(folder.configuration.folder): there "
          + "is no room; let the control plane catch up or give the log more room")
    }
  }

  /// The logs on disk, also of lanes and epochs that are written no more; oldest epoch first.
  package func logs() -> [LogID] {
    lanes.withLock { lanes in
      lanes.filter { log, lane in
        log.epoch == epoch || lane.withState { !$0.segments.isEmpty }
      }.keys.sorted { ($0.epoch, $0.lane) < ($1.epoch, $1.lane) }
    }
  }

  /// A reader of one of ``logs()``.
  package func reader(for log: LogID) throws(RecordLogError) -> LaneReader {
    guard let lane = lanes.withLock({ $0[log] }) else {
      throw RecordLogError(
        code: .outOfRange,
        message: "there is no log \(log) in \(folder.configuration.folder); ask for its logs")
    }
    return LaneReader(lane: lane)
  }

  // MARK: Health

  /// How full the room is, as of at most a second ago; cheap.
  package var diskLevel: DiskLevel { folder.diskLevel }

  /// Measures the disk and asks every lane.
  package var health: RecordLogHealth {
    let (level, free) = folder.measure()
    var state: RecordLogHealth.State =
      level == .ok ? .ok : level < .noNewSessions ? .degraded : .failing
    var problems: [String] = []
    if level > .ok {
      problems.append(
        "record log: \(folder.configuration.folder) takes \(folder.usedBytes) bytes, \(free) are "
          + "free on its disk (\(level)); let the control plane catch up or make room")
    }
    var backlog: UInt64 = 0
    for lane in lanes.withLock({ Array($0.values) }) {
      let (standing, syncFailure, count, damaged) = lane.withState { state in
        (
          state.standing, state.syncFailure,
          state.committedSeq - min(state.acknowledgedSeq, state.committedSeq),
          state.segments.first { $0.isDamaged }?.path
        )
      }
      backlog += count
      switch standing {
      case .open: break
      case .failed(let error) where error.code == .closed: break
      case .closing(let error), .failed(let error):
        state = .failing
        problems.append("record log: \(error.message)")
      }
      if let syncFailure, standing == .open {
        state = .failing
        problems.append("record log: \(syncFailure.message)")
      }
      if let damaged {
        if state == .ok { state = .degraded }
        problems.append("record log: \(damaged) is damaged; keep it and look at the disk")
      }
    }
    return RecordLogHealth(
      state: state, problems: problems.sorted(), diskLevel: level, usedBytes: folder.usedBytes,
      freeBytes: free, backlogRecords: backlog)
  }

  /// Ends the use of the folder, after the writers are closed.
  ///
  /// A folder whose writers were not closed counts as not closed in order: if the host goes down
  /// before the next start, that start records a loss.
  package func close() {
    sync.stop()
    let inOrder = lanes.withLock { lanes in
      lanes.values.allSatisfy { $0.withState { !$0.isWritten || $0.isClosed } }
    }
    if inOrder, dueLosses.lanes.isEmpty { marker.remove() }
  }

  deinit { sync.stop() }

  // MARK: Opening

  private static func lock(_ folder: LogFolder) throws(RecordLogError) -> SegmentFile {
    let path = folder.path("lock")
    let isLocked: Bool
    let file: SegmentFile
    do throws(FileFailure) {
      try folder.files.makeFolder(folder.configuration.folder)
      file = try SegmentFile(path: path, purpose: .readWriteMaking, files: folder.files)
      isLocked = try folder.files.lock(file.descriptor, path)
    } catch {
      throw RecordLogError(
        code: .unusable,
        message: "cannot use \(folder.configuration.folder) for the record log: \(error.call) "
          + "\(error.path): \(error.reason); make it a folder that the agent's user can write")
    }
    guard isLocked else {
      throw RecordLogError(
        code: .locked,
        message: "cannot use \(folder.configuration.folder) for the record log: another process "
          + "has it; stop the other agent or give this one a folder of its own")
    }
    return file
  }
}
