package import ControlCore
internal import GatewayModel

extension PostgresStore: RetentionStore {
  package func retentionSettings() async throws(ControlError) -> RetentionSettings {
    try await transact("reading how long records are kept") { session in
      try Self.retentionSettings(session)
    }
  }

  static func retentionSettings(
    _ session: PostgresSession
  ) throws(PostgresError) -> RetentionSettings {
    let rows = try session.rows("SELECT connection, days FROM sallyport.retention") {
      row throws(PostgresError) in
      (try row.text(), RetentionPeriod(days: try row.optionalInteger().map { Int($0) }))
    }
    var periods = Dictionary(rows, uniquingKeysWith: { first, _ in first })
    let fleet = periods.removeValue(forKey: "") ?? .forever
    return RetentionSettings(fleet: fleet, connections: periods)
  }

  package func setRetention(
    _ period: RetentionPeriod?, of connection: String?
  ) async throws(ControlError) {
    try await transact("setting how long records are kept") { session in
      if let connection { try Self.checkKnown(connection, session) }
      let name = SQLValue.text(connection ?? "")
      if let period {
        try session.execute(
          """
          INSERT INTO sallyport.retention (connection, days) VALUES ($1, $2)
          ON CONFLICT (connection) DO UPDATE SET days = excluded.days
          """, [name, .optional(period.days.map(Int64.init))])
      } else {
        try session.execute("DELETE FROM sallyport.retention WHERE connection = $1", [name])
      }
      try record(in: session)
    }
  }

  /// A connection may be gone, and its records there.
  private static func checkKnown(_ connection: String, _ session: PostgresSession) throws {
    let isKnown = try session.row(
      """
      SELECT EXISTS (SELECT FROM sallyport.connection WHERE name = $1)
        OR EXISTS (SELECT FROM sallyport.retention WHERE connection = $1)
        OR EXISTS (SELECT FROM sallyport.statement WHERE connection = $1)
        OR EXISTS (SELECT FROM sallyport.session WHERE connection = $1)
      """, [.text(connection)]
    ) { row throws(PostgresError) in try row.bool() }
    guard isKnown == true else {
      throw ControlError(
        .notFound, "There is no connection named \"\(connection)\", and the trail has none.",
        remedy: "See `sallyport connections list` for those there are.")
    }
  }

  // MARK: Holds

  package func legalHolds() async throws(ControlError) -> [LegalHold] {
    try await transact("reading the legal holds") { session in try Self.legalHolds(session) }
  }

  static func legalHolds(_ session: PostgresSession) throws(PostgresError) -> [LegalHold] {
    try session.rows(
      """
      SELECT name, connection, since, until, reason, added_at, added_by, released_at, released_by,
        release_reason
      FROM sallyport.legal_hold ORDER BY name
      """
    ) { row throws(PostgresError) in
      var hold = LegalHold(
        name: try row.text(), connection: try row.optionalText(), since: try row.optionalTime(),
        until: try row.optionalTime(), reason: try row.text(), addedAt: try row.time(),
        addedBy: try row.text())
      if let at = try row.optionalTime() {
        hold.release = LegalHold.Release(
          at: at, by: try row.optionalText() ?? "", reason: try row.optionalText() ?? "")
      }
      return hold
    }
  }

  package func add(_ hold: LegalHold) async throws(ControlError) {
    try await transact("adding the legal hold \"\(hold.name)\"") { session in
      let count = try session.execute(
        """
        INSERT INTO sallyport.legal_hold
          (name, connection, since, until, reason, added_at, added_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING
        """,
        [
          .text(hold.name), .optional(hold.connection), .optional(hold.since),
          .optional(hold.until), .text(hold.reason), .time(hold.addedAt), .text(hold.addedBy),
        ])
      guard count == 1 else {
        throw ControlError(
          .conflict, "There is a legal hold named \"\(hold.name)\" already.",
          remedy: "Use another name; one that was released keeps its own.")
      }
      try record(in: session)
    }
  }

  package func release(
    hold name: String, _ release: LegalHold.Release
  ) async throws(ControlError) -> Bool {
    try await transact("releasing the legal hold \"\(name)\"") { session in
      let count = try session.execute(
        """
        UPDATE sallyport.legal_hold SET released_at = $2, released_by = $3, release_reason = $4
        WHERE name = $1 AND released_at IS NULL
        """, [.text(name), .time(release.at), .text(release.by), .text(release.reason)])
      guard count == 1 else { return false }
      try record(in: session)
      return true
    }
  }
}
