import AuditLog
import GatewayModel

/// What a start finds in the folder of the logs.
struct FolderRecovery {
  var epoch: UInt64
  var lanes: [LogID: LaneState]
  var losses: [UInt32: LossRecord]
  /// What the lanes cite whose logs have not begun yet in the epoch.
  var citations: [UInt32: Citation] = [:]
  /// Whether that is on the medium, since an earlier run noted it.
  var isNoted = false

  /// Reads the last segment of every log to its first bad frame.
  ///
  /// A torn end is cut off: it is a write that was not finished, so nothing it covers was
  /// forwarded. Where sound records stand behind the bad frame, records that were committed are
  /// missing: the segment is left as it is, and the folder goes on in a new epoch, since the
  /// numbers behind the damage may be stored by the control plane already. The loss is due until
  /// the lane has a record in a later epoch, which begins with it.
  static func run(
    folder: LogFolder, agent: AgentID, hostRestarted: Bool, minimumEpoch: UInt64, now: WallTime
  ) throws(RecordLogError) -> FolderRecovery {
    let files: [String]
    let names: [SegmentName]
    let note: EpochNote?
    do throws(FileFailure) {
      files = try folder.files.list(folder.configuration.folder)
      names = files.compactMap(SegmentName.init)
      note = try EpochNote.newest(among: files, in: folder)
    } catch {
      throw .failed(
        "list \(folder.configuration.folder)", error,
        remedy: "let the agent read its record folder")
    }
    let byLog = Dictionary(grouping: names) {
      LogID(agent: agent, epoch: $0.epoch, lane: $0.lane)
    }
    // An epoch begins with its note: that of a killed run may have no log yet.
    let lastEpoch = [byLog.keys.map(\.epoch).max(), note?.epoch].compactMap { $0 }.max()
    let pending = note.flatMap { $0.epoch == lastEpoch ? $0.citations : nil } ?? [:]
    var recovery = FolderRecovery(
      epoch: lastEpoch ?? 0, lanes: [:], losses: [:])
    var isDamaged = false
    var scans: [LogID: SegmentScan] = [:]
    for (log, names) in byLog {
      let found: (lane: LaneState, scan: SegmentScan)
      do throws(FileFailure) {
        found = try lane(log, names.sorted { $0.firstSeq < $1.firstSeq }, folder)
      } catch {
        if error.isDamage {
          throw RecordLogError(
            code: .unusable,
            message: "cannot use \(folder.configuration.folder): \(error.path) belongs to another "
              + "agent than \(agent); give each agent a folder of its own")
        }
        throw .failed(
          "recover log \(log)", error, remedy: "let the agent read and write its record folder")
      }
      recovery.lanes[log] = found.lane
      scans[log] = found.scan
      guard log.epoch == lastEpoch else { continue }
      if found.scan.somethingFollows { isDamaged = true }
    }
    for (log, scan) in newestWritten(scans) {
      if scan.somethingFollows {
        recovery.losses[log.lane] = damage(scan, now: now)
      } else if hostRestarted, log.epoch == lastEpoch || pending[log.lane] != nil, !scan.isClosed {
        recovery.losses[log.lane] = LossRecord(
          reason: "host_restart", firstLostSeq: scan.endSeq,
          lostAtMost: folder.configuration.maximumUnsyncedRecords, from: scan.lastTime ?? now,
          to: now)
      }
    }
    do throws(FileFailure) {
      try folder.files.synchronizeFolder(folder.configuration.folder)
    } catch {
      throw .failed(
        "sync \(folder.configuration.folder)", error, remedy: "look at the disk")
    }
    if lastEpoch == nil || isDamaged || recovery.epoch < minimumEpoch {
      let seconds = UInt64(max(0, now.unixNanoseconds / 1_000_000_000))
      let after = lastEpoch.map { $0 == .max ? $0 : $0 + 1 } ?? 1
      recovery.epoch = max(after, seconds, minimumEpoch)
      recovery.citations = pending
      for (log, lane) in recovery.lanes where log.epoch == lastEpoch {
        // A log without a record has cited nothing yet.
        if pending[log.lane] != nil, scans[log]?.holdsSomething != true { continue }
        recovery.citations[log.lane] = Citation(head: lane.head)
      }
    } else {
      (recovery.citations, recovery.isNoted) = (pending, true)
    }
    try takeUpMoves(among: files, recovery.lanes, before: recovery.epoch, folder)
    return recovery
  }

  /// Takes up the moves that an earlier run has begun, and removes the notes of those that are done.
  private static func takeUpMoves(
    among files: [String], _ lanes: [LogID: LaneState], before epoch: UInt64, _ folder: LogFolder
  ) throws(RecordLogError) {
    var notes = Set(files.filter(MoveNote.isFileName))
    for (log, lane) in lanes where notes.remove(MoveNote.fileName(of: log)) != nil {
      // The epoch that was to follow did not begin.
      guard log.epoch < epoch else { continue }
      do throws(FileFailure) { try lane.takeUpMove() } catch {
        throw .failed(
          "read how much of log \(log) was recorded again", error,
          remedy: "let the agent read its record folder")
      }
    }
    for name in notes { try? folder.files.remove(folder.path(name)) }
  }

  /// Of each lane the log of the highest epoch, passing over those of which nothing was written
  /// but the header; the only log of a lane counts in any case.
  private static func newestWritten(_ scans: [LogID: SegmentScan]) -> [(LogID, SegmentScan)] {
    Dictionary(grouping: scans) { $0.key.lane }.values.compactMap { ofLane in
      ofLane.max {
        ($0.value.holdsSomething ? 1 : 0, $0.key.epoch)
          < ($1.value.holdsSomething ? 1 : 0, $1.key.epoch)
      }
    }
  }

  private static func damage(_ scan: SegmentScan, now: WallTime) -> LossRecord {
    // A frame of a record has at least 20 bytes.
    LossRecord(
      reason: "damaged", firstLostSeq: scan.endSeq,
      lostAtMost: UInt64((scan.fileBytes - scan.endOffset) / 20), from: scan.lastTime ?? now,
      to: now)
  }

  private static func lane(
    _ log: LogID, _ names: [SegmentName], _ folder: LogFolder
  ) throws(FileFailure) -> (lane: LaneState, scan: SegmentScan) {
    var segments: [Segment] = []
    var scan = SegmentScan(
      endSeq: 0, endOffset: 0, fileBytes: 0, lastTime: nil, somethingFollows: false)
    for (index, name) in names.enumerated() {
      let isLast = index == names.count - 1
      let path = folder.path(name.text)
      let file = try SegmentFile(
        path: path, purpose: isLast ? .readWrite : .read, files: folder.files)
      let header = try SegmentHeader.read(file)
      if let header, header.log.agent != log.agent {
        throw .damaged(path)
      }
      if !isLast {
        let size = try file.size()
        segments.append(
          Segment(
            path: path, firstSeq: name.firstSeq, file: nil, committedOffset: size,
            syncedOffset: size))
        folder.addUsed(size)
        continue
      }
      if header == nil {
        // Killed between making the file and writing its header; the name says what was in it.
        try file.write(SegmentHeader(log: log, firstSeq: name.firstSeq).bytes, at: 0)
      }
      scan = try SegmentScan.read(file, firstSeq: name.firstSeq)
      if scan.hasTail, !scan.somethingFollows { try file.truncate(to: scan.endOffset) }
      // What the last run committed is brought to the medium before readers may ship it.
      try file.synchronize()
      segments.append(
        Segment(
          path: path, firstSeq: name.firstSeq, file: file, committedOffset: scan.endOffset,
          syncedOffset: scan.endOffset, isDamaged: scan.somethingFollows))
      folder.addUsed(scan.endOffset)
    }
    return (
      LaneState(
        log: log, folder: folder, segments: segments, endSeq: scan.endSeq,
        isLeftOpen: scan.endSeq > 0 && !scan.lastIsClose),
      scan
    )
  }
}
