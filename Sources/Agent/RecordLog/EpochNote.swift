import AuditLog
import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the first record of a lane's log says of the log that the lane had in an earlier epoch.
struct Citation: Hashable, Sendable {
  /// What that log ended with when the epoch began.
  var head: LogHead
  /// The epoch of that log where it is cited to its end, which may lie behind ``head``: the lane
  /// still wrote it when the epoch began. `nil` where ``head`` is all.
  var wholeOf: UInt64?
}

/// What the lanes are to cite in the epoch that begins, kept in the file `<epoch>.epoch`.
///
/// It is on the medium before the first log of the epoch is made, so that an agent that is killed
/// between one lane and the next still cites in the others what it was to cite.
///
/// Text form, each line closed by a line feed; the root in base64, `-` where it cannot be told:
/// ```
/// epoch <number>
/// lane <number> <size> <root> exact
/// lane <number> <size> <root> whole <epoch>
/// end <CRC-32C of all lines before, in decimal>
/// ```
struct EpochNote: Hashable, Sendable {
  var epoch: UInt64
  var citations: [UInt32: Citation]

  private static let suffix = ".epoch"
  /// Far more than the lanes of any agent take.
  private static let maximumBytes = 1 << 18

  init(epoch: UInt64, citations: [UInt32: Citation]) {
    self.epoch = epoch
    self.citations = citations
  }

  // MARK: Text

  var text: String {
    var text = "epoch \(epoch)\n"
    for (lane, citation) in citations.sorted(by: { $0.key < $1.key }) {
      let root = citation.head.root.map { Data($0.bytes).base64EncodedString() } ?? "-"
      let extent = citation.wholeOf.map { "whole \($0)" } ?? "exact"
      text += "lane \(lane) \(citation.head.size) \(root) \(extent)\n"
    }
    return text + "end \(Self.checksum(text))\n"
  }

  /// Reads the text form; `nil` for any other text.
  init?(text: String) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 3, lines.removeLast().isEmpty else { return nil }
    let end = lines.removeLast()
    let content = lines.map { $0 + "\n" }.joined()
    guard end == "end \(Self.checksum(content))" else { return nil }
    let first = lines.removeFirst().split(separator: " ")
    guard first.count == 2, first[0] == "epoch", let epoch = UInt64(first[1]) else { return nil }
    self.init(epoch: epoch, citations: [:])
    for line in lines {
      guard let (lane, citation) = Self.citation(line) else { return nil }
      citations[lane] = citation
    }
  }

  private static func citation(_ line: Substring) -> (UInt32, Citation)? {
    let words = line.split(separator: " ")
    guard words.count >= 5, words[0] == "lane", let lane = UInt32(words[1]),
      let size = UInt64(words[2])
    else { return nil }
    let root = Data(base64Encoded: String(words[3])).flatMap { Hash256(bytes: $0) }
    guard root != nil || words[3] == "-" else { return nil }
    var citation = Citation(head: LogHead(size: size, root: root))
    switch (words[4], words.count) {
    case ("exact", 5): break
    case ("whole", 6):
      guard let epoch = UInt64(words[5]) else { return nil }
      citation.wholeOf = epoch
    default: return nil
    }
    return (lane, citation)
  }

  private static func checksum(_ text: String) -> UInt32 {
    Array(text.utf8).withUnsafeBytes { CRC32C.checksum($0) }
  }

  // MARK: File

  /// The note of the highest epoch that has a whole one; a torn one is none, since no log of its
  /// epoch was made.
  static func newest(
    among names: [String], in folder: LogFolder
  ) throws(FileFailure) -> EpochNote? {
    for epoch in names.compactMap(epoch(ofFile:)).sorted(by: >) {
      let file = try SegmentFile(
        path: folder.path("\(epoch)\(suffix)"), purpose: .read, files: folder.files)
      var buffer = [UInt8](repeating: 0, count: maximumBytes)
      let count = try file.read(into: &buffer, count: maximumBytes, at: 0)
      if let note = EpochNote(text: String(decoding: buffer.prefix(count), as: UTF8.self)),
        note.epoch == epoch
      {
        return note
      }
    }
    return nil
  }

  /// Brings the note to the medium, then removes those of lower epochs.
  func write(in folder: LogFolder) throws(RecordLogError) {
    let path = folder.path("\(epoch)\(Self.suffix)")
    do throws(FileFailure) {
      let file = try SegmentFile(path: path, purpose: .readWriteMaking, files: folder.files)
      let bytes = Array(text.utf8)
      try file.write(bytes, at: 0)
      try file.truncate(to: Int64(bytes.count))
      try file.synchronize()
      try folder.files.synchronizeFolder(folder.configuration.folder)
    } catch {
      throw .failed(
        "note in \(path) what the new epoch cites", error,
        remedy: "let the agent write in its record folder")
    }
    let names = (try? folder.files.list(folder.configuration.folder)) ?? []
    for lower in names.compactMap(Self.epoch(ofFile:)) where lower < epoch {
      try? folder.files.remove(folder.path("\(lower)\(Self.suffix)"))
    }
  }

  private static func epoch(ofFile name: String) -> UInt64? {
    guard name.hasSuffix(suffix) else { return nil }
    return UInt64(name.dropLast(suffix.count))
  }
}
