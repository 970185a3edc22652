import APIModel
import Foundation

/// What happened in a session, in lines, each with its time from the session's opening.
///
/// Statements come page by page as they are numbered; refusals and events, which have no number,
/// are put before the first statement that is later.
struct SessionTimeline {
  private let session: SessionInfo
  private let terminal: Terminal
  private var asides: ArraySlice<Aside>
  private var numbers = IndexSet()
  private var doubled = 0

  private struct Aside {
    var at: String
    var lines: [String]
  }

  init(detail: SessionDetail, terminal: Terminal) {
    session = detail.session
    self.terminal = terminal
    asides = []
    let refusals = detail.refusals.map { Aside(at: $0.at, lines: statementLines($0)) }
    let events = detail.events.map { Aside(at: $0.at, lines: eventLines($0)) }
    asides = (refusals + events).sorted { Self.date($0.at) < Self.date($1.at) }[...]
  }

  /// The lines of the next statements.
  mutating func lines(_ statements: [StatementInfo]) -> [String] {
    var lines: [String] = []
    for statement in statements {
      let at = Self.date(statement.at)
      while let aside = asides.first, Self.date(aside.at) < at {
        lines += aside.lines
        asides.removeFirst()
      }
      if let number = statement.statement, number > 0 {
        if numbers.contains(number) { doubled += 1 }
        numbers.insert(number)
      }
      lines += statementLines(statement)
    }
    return lines
  }

  /// The lines after the last statement: what is missing, and the end.
  mutating func end() -> [String] {
    var lines = asides.flatMap(\.lines)
    asides = []
    let missing = missingNumbers()
    if !missing.isEmpty {
      let text = Style.failure.applied(to: "missing", colour: terminal.colour)
      lines += ["", "\(text)  no record of \(missing)"]
    }
    if doubled > 0 {
      let text = Style.failure.applied(to: "doubled", colour: terminal.colour)
      lines += ["", "\(text)  \(doubled) statements have the number of another"]
    }
    guard let closedAt = session.closedAt else {
      return lines + ["", "open, or its end is not known yet"]
    }
    let reason = EscapedText.line(session.closeReason ?? "closed")
    return lines + ["", "\(heading(offset(closedAt)))  end: \(reason)"]
  }

  /// The numbers from 1 to the last that no statement has: `4, 7 to 9`.
  private func missingNumbers() -> String {
    let last = max(session.statements, numbers.last ?? 0)
    guard last > 0 else { return "" }
    let missing = IndexSet(integersIn: 1...last).subtracting(numbers)
    let ranges = missing.rangeView.prefix(20).map { range in
      range.count == 1
        ? "#\(range.lowerBound)" : "#\(range.lowerBound) to #\(range.upperBound - 1)"
    }
    return ranges.joined(separator: ", ") + (missing.rangeView.count > 20 ? ", …" : "")
  }

  private func statementLines(_ item: StatementInfo) -> [String] {
    let outcome = StatementText.outcome(item)
    let shown = outcome.style?.applied(to: outcome.text, colour: terminal.colour) ?? outcome.text
    var facts = [shown]
    if let tag = item.commandTag { facts.append(EscapedText.line(tag)) }
    if let rows = item.rows { facts.append(rows == 1 ? "1 row" : "\(rows) rows") }
    let time = StatementText.milliseconds(item.totalMilliseconds)
    if !time.isEmpty { facts.append(time) }
    let number = item.statement.map { "#\($0)" } ?? "refusal"
    var lines = [
      "", "\(heading("\(offset(item.at))  \(number)"))  \(facts.joined(separator: ", "))",
    ]
    lines += indented(EscapedText.block(item.sql ?? ""))
    let parameters = StatementText.parameters(item.parameters)
    if !parameters.isEmpty { lines += indented("with \(parameters)") }
    if item.outcome == "refused", let rule = StatementText.rule(item) {
      let bundle = item.bundleVersion.map { ", bundle version \($0)" } ?? ""
      lines += indented(EscapedText.line("by \(rule)\(bundle)"))
    }
    if let observed = item.observed {
      lines += indented(EscapedText.line("observed: \(StatementText.observed(observed))"))
    }
    if item.policyStale == true { lines += indented("by a policy that was stale") }
    if let message = item.message { lines += indented("→ \(EscapedText.line(message))") }
    return lines
  }

  private func eventLines(_ event: SessionEvent) -> [String] {
    var text: String
    switch event.kind {
    case "cancel":
      text = "cancel"
      if let address = event.clientAddress { text += " from \(address)" }
      text += event.statement.map { " of #\($0)" } ?? " while nothing ran"
    case "loss":
      text = "up to \(event.lostAtMost ?? 0) records of this lane may be lost"
      if let reason = event.reason { text += " (\(reason))" }
      if let from = event.from, let to = event.to {
        text += ", written between \(TimeText.shown(from)) and \(TimeText.shown(to)) UTC"
      }
    default: text = event.kind
    }
    let style: Style = event.kind == "loss" ? .failure : .warning
    let shown = style.applied(to: EscapedText.line(text), colour: terminal.colour)
    return ["", "\(heading(offset(event.at)))  \(shown)"]
  }

  private func heading(_ text: String) -> String {
    Style.heading.applied(to: text, colour: terminal.colour)
  }

  private func indented(_ text: String) -> [String] {
    let indent = "    "
    return text.split(separator: "\n").flatMap { line in
      DisplayWidth.wrapped(String(line), to: terminal.width.map { max(20, $0 - indent.count) })
    }.map { indent + $0 }
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

  /// What cannot be read comes first.
  private static func date(_ text: String) -> Date { TimeText.date(text) ?? .distantPast }
}
