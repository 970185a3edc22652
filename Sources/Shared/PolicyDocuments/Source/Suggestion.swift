/// What somebody probably meant.
enum Suggestion {
  /// The nearest of some names; `nil` when none is near.
  static func nearest(to text: String, in names: some Sequence<String>) -> String? {
    guard text.utf8.count <= 40 else { return nil }
    let folded = text.lowercased()
    let limit = max(1, folded.count / 3)
    return names.map { ($0, distance(folded, $0.lowercased())) }
      .filter { $0.1 <= limit }.min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
  }

  /// A remedy that names it, or all.
  static func remedy(_ text: String, _ names: [String]) -> String {
    if let nearest = nearest(to: text, in: names) { return "did you mean \"\(nearest)\"?" }
    let told = names.prefix(20).joined(separator: ", ")
    return "write one of \(told)\(names.count > 20 ? " and \(names.count - 20) more" : "")"
  }

  /// Levenshtein's, with two neighbours exchanged as one step (optimal string alignment).
  private static func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    var rows = [Array(0...right.count)]
    for (index, byte) in left.enumerated() {
      var row = [index + 1]
      for (other, rightByte) in right.enumerated() {
        var least = min(
          rows[index][other] + (byte == rightByte ? 0 : 1), rows[index][other + 1] + 1,
          row[other] + 1)
        if index > 0, other > 0, byte == right[other - 1], left[index - 1] == rightByte {
          least = min(least, rows[index - 1][other - 1] + 1)
        }
        row.append(least)
      }
      rows.append(row)
    }
    return rows[left.count][right.count]
  }
}
