import GatewayModel

/// Which records of a log that is given up come again in the epoch that follows, and how many of
/// them have; kept in the file `<epoch>-<lane>.move` until the log is gone.
///
/// An agent that is killed in the middle of a move, or stopped before it began, goes on from there.
/// The start is on the medium before the epoch that follows has begun there. A kill between a part
/// and its note lets the records of that part come twice: never are they left out.
///
/// Text form: a line for each note, of which the last whole one counts; `-` before anything came
/// again:
/// ```
/// <start> <moved> <CRC-32C of all before the last space, in decimal>
/// ```
struct MoveNote: Hashable, Sendable {
  /// The first record of the run that wrote the log last.
  var start: UInt64
  /// Everything from ``start`` to here has come again.
  var moved: UInt64?

  private static let suffix = ".move"
  /// More than the notes of the largest log that a disk holds.
  private static let maximumBytes = 1 << 22

  // MARK: Text

  var line: String {
    let text = "\(start) \(moved.map(String.init) ?? "-")"
    return "\(text) \(Self.checksum(text))\n"
  }

  /// Reads a line without its line feed; `nil` for any other text.
  init?(line: Substring) {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, let start = UInt64(words[0]),
      words[1] == "-" || UInt64(words[1]) != nil,
      words[2] == "\(Self.checksum("\(words[0]) \(words[1])"))"
    else { return nil }
    self.init(start: start, moved: UInt64(words[1]))
  }

  init(start: UInt64, moved: UInt64?) {
    self.start = start
    self.moved = moved
  }

  private static func checksum(_ text: String) -> UInt32 {
    Array(text.utf8).withUnsafeBytes { CRC32C.checksum($0) }
  }

  // MARK: File

  static func fileName(of log: LogID) -> String { "\(log.epoch)-\(log.lane)\(suffix)" }

  static func isFileName(_ name: String) -> Bool { name.hasSuffix(suffix) }

  /// The last note of a log, and where the next one goes; `nil` when there is none.
  static func read(
    of log: LogID, in folder: LogFolder
  ) throws(FileFailure) -> (note: MoveNote, end: Int64)? {
    let file = try SegmentFile(
      path: folder.path(fileName(of: log)), purpose: .read, files: folder.files)
    var buffer = [UInt8](repeating: 0, count: Int(min(try file.size(), Int64(maximumBytes))))
    let count = try file.read(into: &buffer, count: buffer.count, at: 0)
    var found: (note: MoveNote, end: Int64)?
    var end = 0
    for bytes in buffer.prefix(count).split(separator: 0x0A, omittingEmptySubsequences: false) {
      end += bytes.count + 1
      let line = String(decoding: bytes, as: UTF8.self)
      guard end <= count, let note = MoveNote(line: line[...]) else { continue }
      found = (note, Int64(end))
    }
    return found
  }
}

extension LaneState {
  /// Brings to the medium from where on the log is recorded again and how far that is; does nothing
  /// where it is there, or where nothing is known of it.
  func noteMove() throws(RecordLogError) {
    try exclusivelySyncing { () throws(RecordLogError) in
      let (noted, end, start, moved) = withState {
        ($0.notedMove, $0.moveNoteEnd, $0.runStart, $0.movedWholeSeq)
      }
      guard let start else { return }
      let note = MoveNote(start: start, moved: moved)
      guard note != noted else { return }
      let path = folder.path(MoveNote.fileName(of: log))
      let bytes = Array(note.line.utf8)
      do throws(FileFailure) {
        let file = try SegmentFile(path: path, purpose: .readWriteMaking, files: folder.files)
        try file.write(bytes, at: end)
        try file.synchronize()
        if noted == nil { try folder.files.synchronizeFolder(folder.configuration.folder) }
      } catch {
        throw .failed(
          "note in \(path) how much of log \(log) was recorded again", error,
          remedy: "let the agent write in its record folder")
      }
      withState {
        $0.notedMove = note
        $0.moveNoteEnd = end + Int64(bytes.count)
      }
    }
  }

  /// Takes up what an earlier run noted, so that a move goes on where it was.
  func takeUpMove() throws(FileFailure) {
    guard let (note, end) = try MoveNote.read(of: log, in: folder) else { return }
    withState {
      $0.runStart = note.start
      ($0.movedSeq, $0.movedWholeSeq) = (note.moved, note.moved)
      ($0.notedMove, $0.moveNoteEnd) = (note, end)
    }
  }

  /// To be called when nothing of the log is on the medium any more.
  func removeMoveNote() {
    guard withState({ $0.notedMove != nil }) else { return }
    // Left behind it is removed by the next start.
    try? folder.files.remove(folder.path(MoveNote.fileName(of: log)))
  }
}
