import APIModel
import Foundation

/// Words for sessions.
enum SessionText {
  static func row(_ session: SessionInfo) -> [Cell] {
    [
      Cell(TimeText.shown(session.openedAt)), Cell(EscapedText.line(session.id)),
      Cell(EscapedText.line(session.principal)), Cell(EscapedText.line(session.connection)),
      Cell(EscapedText.line(session.databaseRole)),
      Cell(StatementText.client(session.clientAddress)),
      Cell(EscapedText.line(session.applicationName ?? "")), Cell("\(session.statements)"),
      Cell(lasted(session) ?? ""),
      session.closedAt == nil
        ? Cell("open", style: .success) : Cell(EscapedText.line(session.closeReason ?? "closed")),
    ]
  }

  static func properties(_ session: SessionInfo) -> [(String, String?)] {
    let groups = session.groups.isEmpty ? "" : ", groups \(session.groups.joined(separator: ", "))"
    let role = "\(session.database) as \(session.databaseRole)"
    return [
      ("Session", EscapedText.line(session.id)),
      ("Principal", EscapedText.line("\(session.principal) (\(session.principalKind)\(groups))")),
      ("Connection", EscapedText.line("\(session.connection), database \(role)")),
      ("Agent", EscapedText.line(session.agent)),
      ("Client", EscapedText.line(session.clientAddress)),
      ("Application", session.applicationName.map { EscapedText.line($0) + " (asserted)" }),
      ("Opened", TimeText.shown(session.openedAt, precise: true) + " UTC"),
      ("Closed", closed(session)),
      ("Statements", "\(session.statements)"),
    ]
  }

  private static func closed(_ session: SessionInfo) -> String {
    guard let at = session.closedAt else { return "not yet, or not known yet" }
    let reason = session.closeReason.map { ", \(EscapedText.line($0))" } ?? ""
    return TimeText.shown(at, precise: true) + " UTC\(reason), after \(lasted(session) ?? "?")"
  }

  private static func lasted(_ session: SessionInfo) -> String? {
    guard let opened = TimeText.date(session.openedAt),
      let closed = session.closedAt.flatMap(TimeText.date)
    else { return nil }
    let seconds = closed.timeIntervalSince(opened)
    guard seconds >= 0, seconds < 1e12 else { return nil }
    return seconds < 10
      ? StatementText.milliseconds(seconds * 1000) : DurationText.short(seconds: Int(seconds))
  }
}
