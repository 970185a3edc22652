package import ControlCore
package import GatewayModel

extension PostgresStore: GrantStore {
  package func grants() async throws(ControlError) -> [StoredGrant] {
    try await transact("reading the grants") { session in
      try Self.grants(where: "true", [], session)
    }
  }

  package func add(_ grant: Grant, at: WallTime) async throws(ControlError) -> StoredGrant {
    try await transact("storing the grant \"\(grant.name)\"") { session in
      let connection = try session.row(
        "SELECT id, segment FROM sallyport.connection WHERE name = $1 FOR SHARE",
        [.text(grant.connection)]
      ) { row throws(PostgresError) in (id: try row.identifier(), segment: try row.text()) }
      guard let connection else {
        throw ControlError(
          .notFound, "There is no connection named \"\(grant.connection)\".",
          remedy: "See `sallyport connections list` for those there are.")
      }
      let roles = try session.rows(
        "SELECT name FROM sallyport.database_role WHERE connection = $1 ORDER BY place",
        [.identifier(connection.id)], { row throws(PostgresError) in try row.text() })
      guard roles.contains(grant.role) else {
        throw ControlError(
          .notFound,
          "The connection \"\(grant.connection)\" has no database role \"\(grant.role)\".",
          remedy: "It has \(roles.map { "\"\($0)\"" }.joined(separator: ", ")).")
      }
      var principal: String?
      var group: String?
      switch grant.to {
      case .principal(let name): principal = name
      case .group(let name): group = name
      }
      let stored = try session.execute(
        """
        INSERT INTO sallyport.access_grant
          (name, principal, group_name, connection, role, created_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING
        """,
        [
          .text(grant.name), .optional(principal), .optional(group),
          .identifier(connection.id), .text(grant.role), .time(at),
        ])
      guard stored == 1 else {
        throw ControlError(
          .conflict, "A grant named \"\(grant.name)\" exists already.",
          remedy: "Choose another name, or remove it first.")
      }
      try Self.touch(segment: connection.segment, session)
      try record(in: session)
      return StoredGrant(grant: grant, createdAt: at)
    }
  }

  package func removeGrant(named name: String) async throws(ControlError) -> Bool {
    try await transact("removing the grant \"\(name)\"") { session in
      let segment = try session.row(
        """
        DELETE FROM sallyport.access_grant g USING sallyport.connection c
        WHERE g.name = $1 AND c.id = g.connection RETURNING c.segment
        """, [.text(name)], { row throws(PostgresError) in try row.text() })
      guard let segment else { return false }
      try Self.touch(segment: segment, session)
      try record(in: session)
      return true
    }
  }

  /// The grants that meet a condition on `g` and `c`, in the order they were made.
  static func grants(
    where condition: String, _ values: [SQLValue], _ session: PostgresSession
  ) throws -> [StoredGrant] {
    try session.rows(
      """
      SELECT g.name, g.principal, g.group_name, c.name, g.role, g.created_at
      FROM sallyport.access_grant g JOIN sallyport.connection c ON c.id = g.connection
      WHERE \(condition) ORDER BY g.number
      """, values
    ) { row throws(PostgresError) in
      let name = try row.text()
      let principal = try row.optionalText()
      let group = try row.optionalText()
      return StoredGrant(
        grant: Grant(
          name: name, to: principal.map { .principal($0) } ?? .group(group ?? ""),
          connection: try row.text(), role: try row.text()),
        createdAt: try row.time())
    }
  }
}
