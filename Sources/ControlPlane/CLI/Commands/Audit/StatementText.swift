import APIModel

/// Words for statements and refusals, on one line and escaped.
enum StatementText {
  /// The SQL with its parameters, or why an entry was refused.
  static func statement(_ item: StatementInfo, limit: Int = 2000) -> String {
    guard let sql = item.sql else {
      return EscapedText.statement(item.message.map { "entry: \($0)" } ?? "entry", limit: limit)
    }
    let text = EscapedText.statement(sql, limit: limit)
    let values = parameters(item.parameters, limit: limit)
    return values.isEmpty ? text : "\(text)  (\(values))"
  }

  /// `$1=42, $2=NULL`; empty without parameters.
  static func parameters(_ parameters: [ParameterInfo], limit: Int = 200) -> String {
    parameters.enumerated().map { index, parameter in
      let value =
        parameter.text.map { EscapedText.statement($0, limit: limit) }
        ?? parameter.binary.map { "base64:\(EscapedText.statement($0, limit: limit))" } ?? "NULL"
      return "$\(index + 1)=\(value)"
    }.joined(separator: ", ")
  }

  /// The outcome with what explains it: an SQLSTATE, or the reason of a refusal.
  static func outcome(_ item: StatementInfo) -> Cell {
    let detail = item.reason ?? item.sqlstate
    let text = EscapedText.line(detail.map { "\(item.outcome) \($0)" } ?? item.outcome)
    switch item.outcome {
    case "refused", "failed": return Cell(text, style: .failure)
    case "unknown", "suspended", "skipped": return Cell(text, style: .warning)
    default: return Cell(text)
    }
  }

  /// `policy/rule` of what decided; `nil` where nothing is named.
  static func rule(_ item: StatementInfo) -> String? {
    let parts = [item.policy, item.rule].compactMap { $0 }.filter { !$0.isEmpty }
    return parts.isEmpty ? nil : parts.joined(separator: "/")
  }

  /// `policy/rule deny, …` of what only observes.
  static func observed(_ observed: [ObservedInfo]) -> String {
    observed.map { "\($0.policy)/\($0.rule) \($0.verdict)" }.joined(separator: ", ")
  }

  /// The chain of actors, the current one first; what no signature vouches for in brackets.
  static func actors(_ actors: [ActorInfo]) -> String {
    EscapedText.line(
      actors.map { $0.verified ? $0.subject : "[\($0.subject)]" }.joined(separator: " for "))
  }

  /// The client's address without its port, which says nothing about who it was.
  static func client(_ address: String?) -> String {
    guard let address else { return "" }
    guard let colon = address.lastIndex(of: ":"),
      address.firstIndex(of: ":") == colon || address.hasPrefix("[")
    else { return EscapedText.line(address) }
    return EscapedText.line(String(address[..<colon].filter { $0 != "[" && $0 != "]" }))
  }

  static func milliseconds(_ value: Double?) -> String {
    guard let value, value.isFinite, value >= 0, value < 1e15 else { return "" }
    if value >= 10_000 { return "\(Int(value / 1000)) s" }
    if value >= 100 { return "\(Int(value.rounded())) ms" }
    let hundredths = Int((value * 100).rounded())
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) ms"
  }
}
