import APIModel
import Foundation

/// What happened in a session, each statement with its time from the session's opening.
struct SessionTimeline {
  var session: SessionInfo
  var statements: [StatementInfo]

  func lines(colour: Bool) -> [String] {
    statements.flatMap { item in
      let outcome = StatementText.outcome(item)
      let shown = outcome.style?.applied(to: outcome.text, colour: colour) ?? outcome.text
      var facts = [shown]
      if let tag = item.commandTag { facts.append(EscapedText.line(tag)) }
      if let rows = item.rows { facts.append(rows == 1 ? "1 row" : "\(rows) rows") }
      let time = StatementText.milliseconds(item.totalMilliseconds)
      if !time.isEmpty { facts.append(time) }
      let number = item.statement.map { "#\($0)" } ?? "refusal"
      let head = Style.heading.applied(to: "\(offset(item.at))  \(number)", colour: colour)
      var lines = ["", "\(head)  \(facts.joined(separator: ", "))"]
      lines += (item.sql.map(EscapedText.block) ?? "").split(separator: "\n").map { "    \($0)" }
      let parameters = StatementText.parameters(item.parameters)
      if !parameters.isEmpty { lines.append("    with \(parameters)") }
      if let message = item.message {
        lines.append("    → \(EscapedText.line(message))")
      }
      return lines
    }
  }

  /// `+12.034s` after the opening of the session.
  private func offset(_ at: String) -> String {
    guard let opened = TimeText.date(session.openedAt), let date = TimeText.date(at) else {
      return TimeText.shown(at)
    }
    let milliseconds = (date.timeIntervalSince(opened) * 1000).rounded()
    guard abs(milliseconds) < 1e15 else { return TimeText.shown(at) }
    let whole = Int(abs(milliseconds))
    let fraction = String(whole % 1000 + 1000).dropFirst()
    return "\(milliseconds < 0 ? "-" : "+")\(whole / 1000).\(fraction)s"
  }
}
