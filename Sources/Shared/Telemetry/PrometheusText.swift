/// The lexical rules of Prometheus' text exposition format 0.0.4.
enum PrometheusText {
  /// Label values are cut after this many characters: a value that long is a mistake.
  static let maximumLabelValue = 128

  /// A metric or label name: what may not stand in one becomes `_`.
  static func metricName(_ name: String) -> String {
    var result = ""
    for character in name.unicodeScalars {
      let isDigit = ("0"..."9").contains(character)
      let isLetter = ("a"..."z").contains(character) || ("A"..."Z").contains(character)
      if isDigit && result.isEmpty { result.append("_") }
      result.unicodeScalars.append(isDigit || isLetter || character == "_" ? character : "_")
    }
    return result.isEmpty ? "_" : result
  }

  /// `{a="b",c="d"}` in order of name, or empty without labels.
  static func labels(_ dimensions: [(String, String)]) -> String {
    guard !dimensions.isEmpty else { return "" }
    let pairs = dimensions.map { (metricName($0.0), $0.1) }.sorted { $0.0 < $1.0 }
    return "{" + pairs.map { "\($0.0)=\"\(escapedValue($0.1))\"" }.joined(separator: ",") + "}"
  }

  /// `labels` with one more at its end.
  static func adding(_ name: String, _ value: String, to labels: String) -> String {
    let pair = "\(name)=\"\(value)\"}"
    return labels.isEmpty ? "{\(pair)" : "\(labels.dropLast()),\(pair)"
  }

  /// A sample's value: whole numbers without a fraction.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if let whole = Int64(exactly: value) { return "\(whole)" }
    return "\(value)"
  }

  static func escapedHelp(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
  }

  private static func escapedValue(_ text: String) -> String {
    text.prefix(maximumLabelValue).unicodeScalars.reduce(into: "") { result, scalar in
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"": result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
  }
}
