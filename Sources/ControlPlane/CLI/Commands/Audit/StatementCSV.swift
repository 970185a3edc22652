import APIModel

/// Statements as comma-separated values, all that is known of each.
enum StatementCSV {
  private static let fields: [(name: String, value: @Sendable (StatementInfo) -> String?)] = [
    ("at", { $0.at }), ("kind", { $0.kind }), ("principal", { $0.principal }),
    ("principal_kind", { $0.principalKind }),
    ("groups", { $0.groups.joined(separator: " ") }),
    (
      "actors",
      { $0.actors.map { $0.verified ? $0.subject : "[\($0.subject)]" }.joined(separator: " ") }
    ),
    ("connection", { $0.connection }), ("database", { $0.database }),
    ("database_role", { $0.databaseRole }), ("agent", { $0.agent }),
    ("session", { $0.session }), ("statement", { $0.statement.map(String.init) }),
    ("client_address", { $0.clientAddress }), ("application_name", { $0.applicationName }),
    ("sql", { $0.sql }), ("digest", { $0.digest }),
    ("commands", { $0.commands?.joined(separator: " ") }),
    ("tables", { $0.tables?.joined(separator: " ") }),
    ("effects", { $0.effects?.joined(separator: " ") }),
    ("parameters", { $0.parameters.isEmpty ? nil : try? JSONText.line($0.parameters) }),
    ("outcome", { $0.outcome }), ("sqlstate", { $0.sqlstate }), ("message", { $0.message }),
    ("reason", { $0.reason }), ("command_tag", { $0.commandTag }),
    ("rows", { $0.rows.map(String.init) }),
    ("server_ms", { $0.serverMilliseconds.map { "\($0)" } }),
    ("total_ms", { $0.totalMilliseconds.map { "\($0)" } }), ("rule", { $0.rule }),
    ("bundle_version", { $0.bundleVersion.map(String.init) }), ("policy", { $0.policy }),
    ("bundle_hash", { $0.bundleHash }),
    ("observed", { $0.observed.map { StatementText.observed($0) } }),
    ("policy_stale", { $0.policyStale.map { "\($0)" } }), ("record", { $0.record }),
  ]

  static var heading: String { CSV.row(fields.map(\.name)) }

  /// - Parameter escaped: For a terminal, where control characters must not act.
  static func row(_ item: StatementInfo, escaped: Bool) -> String {
    CSV.row(
      fields.map { field in
        let text = field.value(item) ?? ""
        return escaped ? EscapedText.block(text) : text
      })
  }
}
