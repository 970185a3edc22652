/// The blocks of a PEM text (RFC 7468), with whatever stands between them left out.
struct PEMBlocks {
  struct Block {
    /// What stands behind BEGIN: `CERTIFICATE`, `PRIVATE KEY`.
    var label: String
    /// From BEGIN to END, both included, each line ended by a line feed.
    var text: String
  }

  private(set) var blocks: [Block] = []

  /// A block that does not end is left out, and so is what follows it.
  init(_ text: String) {
    let begin = "-----BEGIN "
    let dashes = "-----"
    let lines = text.split(whereSeparator: \.isNewline).joined(separator: "\n")
    var rest = lines[...]
    while let start = rest.firstRange(of: begin) {
      let open = rest[start.upperBound...]
      guard let labelEnd = open.firstRange(of: dashes) else { return }
      let label = String(open[..<labelEnd.lowerBound])
      guard !label.contains(where: \.isNewline),
        let end = open[labelEnd.upperBound...].firstRange(of: "-----END \(label)-----")
      else { return }
      blocks.append(Block(label: label, text: "\(rest[start.lowerBound..<end.upperBound])\n"))
      rest = rest[end.upperBound...]
    }
  }
}
