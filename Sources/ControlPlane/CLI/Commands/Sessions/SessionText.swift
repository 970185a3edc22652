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

  static func properties(
    _ session: SessionInfo, _ circumstances: SessionCircumstances?
  ) -> [(String, String?)] {
    let groups = session.groups.isEmpty ? "" : ", groups \(session.groups.joined(separator: ", "))"
    let role = "\(session.database) as \(session.databaseRole)"
    func over(_ tls: String?) -> String { tls.map { " over \($0)" } ?? "" }
    let client = session.clientAddress + over(circumstances?.clientTLS)
    let server = circumstances?.serverAddress.map { $0 + over(circumstances?.serverTLS) }
    let segment = circumstances.map { " in segment \($0.segment), log \($0.log)" } ?? ""
    return [
      ("Session", EscapedText.line(session.id)),
      ("Principal", EscapedText.line("\(session.principal) (\(session.principalKind)\(groups))")),
      ("Acting", circumstances.flatMap(acting)),
      ("Token", circumstances.map { EscapedText.line("\($0.tokenID) of \($0.issuer)") }),
      (
        "Let in by",
        circumstances.map {
          let grant = [$0.policy, $0.grant].compactMap { $0 }.joined(separator: "/")
          return EscapedText.line("grant \(grant), bundle version \($0.bundleVersion)")
        }
      ),
      (
        "Policy",
        circumstances?.policyStale == true
          ? "stale: the control plane had not vouched for it lately" : nil
      ),
      ("May", circumstances?.readOnly == true ? "read only" : nil),
      ("Connection", EscapedText.line("\(session.connection), database \(role)")),
      ("Client", EscapedText.line(client)),
      ("Application", session.applicationName.map { EscapedText.line($0) + " (asserted)" }),
      ("Agent", EscapedText.line(session.agent + segment)),
      ("Server", server.map(EscapedText.line)),
      ("Opened", TimeText.shown(session.openedAt, precise: true) + " UTC"),
      ("Closed", closed(session)),
      ("End", circumstances?.closeMessage.map(EscapedText.line)),
      ("Statements", "\(session.statements)"),
    ]
  }

  /// Who acted for whom, the current actor first; `nil` where the principal acted in person.
  private static func acting(_ circumstances: SessionCircumstances) -> String? {
    guard circumstances.actors.count > 1 else { return nil }
    return EscapedText.line(
      circumstances.actors.map { actor in
        "\(actor.subject) (\(actor.kind), \(actor.verified ? "verified" : "asserted"))"
      }.joined(separator: " for "))
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
