import AuditLog
import GatewayModel

/// What a segment holds, found by reading it to the first bad frame.
struct SegmentScan {
  /// One behind the last sound record.
  var endSeq: UInt64
  /// Where the last sound frame ends.
  var endOffset: Int64
  var fileBytes: Int64
  /// When the last sound record was written; `nil` when there is none.
  var lastTime: WallTime?
  /// Whether sound records with higher numbers stand behind the first bad frame: then it is not
  /// the torn end of a write, and records between are missing.
  var somethingFollows: Bool
  /// Whether the last sound record is `log.close`.
  var lastIsClose = false

  var hasTail: Bool { fileBytes > endOffset }

  /// Whether the log has, or had, a record.
  var holdsSomething: Bool { endSeq > 0 || somethingFollows }

  /// Whether the last run that wrote the log ended it in order and no later one began to write.
  ///
  /// Holds across a power cut too: a lane takes no work before its `log.open` is on the medium.
  var isClosed: Bool { lastIsClose && !hasTail }

  /// Reads a segment from behind its header.
  static func read(_ file: SegmentFile, firstSeq: UInt64) throws(FileFailure) -> SegmentScan {
    let fileBytes = try file.size()
    var scan = SegmentScan(
      endSeq: firstSeq, endOffset: Int64(SegmentHeader.byteCount), fileBytes: fileBytes,
      lastTime: nil, somethingFollows: false)
    guard fileBytes > scan.endOffset else { return scan }
    var cursor = FrameCursor(
      file: file, from: scan.endOffset, limit: fileBytes, bufferBytes: 1 << 20)
    var inOrder = true
    var last: [UInt8] = []
    while inOrder {
      let step = try cursor.next { payload in
        inOrder = RecordDecoder.seq(of: payload) == scan.endSeq
        if inOrder {
          last.removeAll(keepingCapacity: true)
          last.append(contentsOf: payload)
        }
      }
      guard step == .frame, inOrder else { break }
      scan.endOffset = cursor.offset
      scan.endSeq += 1
    }
    if !last.isEmpty, let record = try? RecordDecoder.decode(last) {
      scan.lastTime = record.header.time
      scan.lastIsClose = record.kind == .logClose
    }
    if scan.hasTail { scan.somethingFollows = try findsRecord(file, scan: scan) }
    return scan
  }

  /// Looks behind the first bad frame for a sound one with a higher number.
  ///
  /// A candidate begins as the record of a later seq does and fits into the file; only then its
  /// checksum is taken, so that arbitrary bytes cost no more than a pass over them. At most 64
  /// checksums of candidates that fail are taken: bytes made to look like frames buy no more.
  private static func findsRecord(
    _ file: SegmentFile, scan: SegmentScan
  ) throws(FileFailure) -> Bool {
    let chunkBytes = 1 << 20
    let overlap = RecordFrame.headerBytes + 11
    var buffer = [UInt8](repeating: 0, count: chunkBytes + overlap)
    var base = scan.endOffset + 1
    var failed = 0
    while base < scan.fileBytes {
      let filled = try file.read(into: &buffer, count: buffer.count, at: base)
      guard filled > RecordFrame.headerBytes else { return false }
      var candidates: [Int64] = []
      buffer.withUnsafeBytes { raw in
        for index in 0..<min(chunkBytes, filled - RecordFrame.headerBytes) {
          guard raw[index + 8] == RecordFrame.recordKind, raw[index + 9] == 0x08,
            let header = RecordFrame.header(
              UnsafeRawBufferPointer(rebasing: raw[index..<filled])),
            base + Int64(index + RecordFrame.headerBytes + header.length) <= scan.fileBytes,
            let seq = RecordDecoder.seq(
              of: UnsafeRawBufferPointer(rebasing: raw[(index + 9)..<min(filled, index + 20)])),
            seq > scan.endSeq, seq - scan.endSeq < 1 << 32
          else { continue }
          candidates.append(base + Int64(index))
          if candidates.count > 64 { break }
        }
      }
      for candidate in candidates {
        var cursor = FrameCursor(
          file: file, from: candidate, limit: scan.fileBytes, bufferBytes: 4096)
        if try cursor.next({ _ in }) == .frame { return true }
        failed += 1
        if failed > 64 { return false }
      }
      base += Int64(chunkBytes)
    }
    return false
  }
}
