package import ControlCore
import Foundation
package import GatewayModel

extension PostgresStore: ConnectionStore {
  package func connections() async throws(ControlError) -> [StoredConnection] {
    try await transact("reading the connections") { session in
      try Self.connections(where: "true", [], session)
    }
  }

  package func connection(
    named name: String
  ) async throws(ControlError) -> StoredConnection? {
    try await transact("reading the connection \"\(name)\"") { session in
      try Self.connections(where: "c.name = $1", [.text(name)], session).first
    }
  }

  package func add(
    _ connection: Connection, at: WallTime, replace: Bool
  ) async throws(ControlError) -> StoredConnection {
    try await transact("storing the connection \"\(connection.name)\"") { session in
      try Self.touch(segment: connection.segment, session)
      var stored = StoredConnection(connection: connection, createdAt: at)
      let old = try session.row(
        "SELECT id, segment, created_at FROM sallyport.connection WHERE name = $1 FOR UPDATE",
        [.text(connection.name)]
      ) { row throws(PostgresError) in
        (id: try row.identifier(), segment: try row.text(), createdAt: try row.time())
      }
      if let old {
        guard replace else { throw Self.taken(connection.name) }
        if old.segment != connection.segment { try Self.touch(segment: old.segment, session) }
        stored.connection.id = old.id
        stored.createdAt = old.createdAt
      }
      try Self.write(stored, replacing: old != nil, session)
      try record(in: session)
      return stored
    }
  }

  package func removeConnection(named name: String) async throws(ControlError) -> Bool {
    try await transact("removing the connection \"\(name)\"") { session in
      // Roles and credentials go with it; policies that name it stay.
      let segment = try session.row(
        "DELETE FROM sallyport.connection WHERE name = $1 RETURNING segment", [.text(name)],
        { row throws(PostgresError) in try row.text() })
      guard let segment else { return false }
      try Self.touch(segment: segment, session)
      try record(in: session)
      return true
    }
  }

  private static func taken(_ name: String) -> ControlError {
    ControlError(
      .conflict, "A connection named \"\(name)\" exists already.",
      remedy: "Choose another name, or replace it.")
  }

  private static func write(
    _ stored: StoredConnection, replacing: Bool, _ session: PostgresSession
  ) throws {
    let connection = stored.connection
    let labels = String(decoding: try JSONEncoder().encode(connection.labels), as: UTF8.self)
    let written = try session.execute(
      """
      INSERT INTO sallyport.connection
        (id, name, segment, host, port, database, tls, authorities_pem, labels, created_at,
        allows_function_calls, maximum_rows, durability)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
      ON CONFLICT (name) DO UPDATE SET segment = excluded.segment, host = excluded.host,
        port = excluded.port, database = excluded.database, tls = excluded.tls,
        authorities_pem = excluded.authorities_pem, labels = excluded.labels,
        allows_function_calls = excluded.allows_function_calls,
        maximum_rows = excluded.maximum_rows, durability = excluded.durability
        WHERE $14
      """,
      [
        .identifier(connection.id), .text(connection.name), .text(connection.segment),
        .text(connection.host), .integer(Int64(connection.port)), .text(connection.database),
        .text(connection.tls.rawValue), .optional(connection.authoritiesPEM), .json(labels),
        .time(stored.createdAt), .bool(connection.allowsFunctionCalls == true),
        connection.maximumRows.map { .integer32(Int32(clamping: $0)) } ?? .null,
        .text((connection.durability ?? .crashSafe).rawValue), .bool(replacing),
      ])
    // Another request stored one of that name since it was looked for.
    guard written == 1 else { throw taken(connection.name) }
    try session.execute(
      "DELETE FROM sallyport.database_role WHERE connection = $1 AND name <> ALL ($2)",
      [.identifier(connection.id), .texts(connection.roles.map(\.name))])
    try session.execute(
      "DELETE FROM sallyport.sealed_credential WHERE connection = $1",
      [.identifier(connection.id)])
    for (place, role) in connection.roles.enumerated() {
      // A role that stays keeps its grants.
      try session.execute(
        """
        INSERT INTO sallyport.database_role (connection, name, place) VALUES ($1, $2, $3)
        ON CONFLICT (connection, name) DO UPDATE SET place = excluded.place
        """, [.identifier(connection.id), .text(role.name), .integer(Int64(place))])
      for credential in role.credentials {
        try session.execute(
          """
          INSERT INTO sallyport.sealed_credential
            (connection, role, agent, encapsulated_key, ciphertext, kind)
          VALUES ($1, $2, $3, $4, $5, $6)
          """,
          [
            .identifier(connection.id), .text(role.name), .identifier(credential.agent.value),
            .text(credential.encapsulatedKey), .text(credential.ciphertext),
            .text(credential.sealedKind.rawValue),
          ])
      }
    }
  }

  /// The connections that meet a condition on `c`, by name, with their roles and credentials.
  static func connections(
    where condition: String, _ values: [SQLValue], _ session: PostgresSession
  ) throws -> [StoredConnection] {
    var found = try session.rows(
      """
      SELECT c.id, c.name, c.segment, c.host, c.port, c.database, c.tls, c.authorities_pem,
        c.labels, c.created_at, c.allows_function_calls, c.maximum_rows, c.durability
      FROM sallyport.connection c WHERE \(condition) ORDER BY c.name
      """, values, connection)
    let ids = found.map(\.connection.id)
    let rows = try session.rows(
      """
      SELECT r.connection, r.name, s.agent, s.encapsulated_key, s.ciphertext, s.kind
      FROM sallyport.database_role r
      LEFT JOIN sallyport.sealed_credential s ON s.connection = r.connection AND s.role = r.name
      WHERE r.connection = ANY ($1) ORDER BY r.connection, r.place, s.agent
      """, [.identifiers(ids)]
    ) { row throws(PostgresError) in
      (
        connection: try row.identifier(), role: try row.text(),
        agent: try row.optionalIdentifier(), key: try row.optionalText(),
        ciphertext: try row.optionalText(), kind: try row.optionalText()
      )
    }
    let byConnection = Dictionary(grouping: rows, by: \.connection)
    for index in found.indices {
      var roles: [DatabaseRole] = []
      for row in byConnection[found[index].connection.id] ?? [] {
        if roles.last?.name != row.role { roles.append(DatabaseRole(name: row.role)) }
        if let agent = row.agent, let key = row.key, let ciphertext = row.ciphertext {
          guard let kind = CredentialKind(rawValue: row.kind ?? "") else {
            throw PostgresError(
              code: .unexpected,
              message: "role \"\(row.role)\" has a credential of kind \"\(row.kind ?? "")\"")
          }
          roles[roles.count - 1].credentials.append(
            SealedCredential(
              agent: AgentID(agent), encapsulatedKey: key, ciphertext: ciphertext, kind: kind))
        }
      }
      found[index].connection.roles = roles
    }
    return found
  }

  private static func connection(
    _ row: inout RowReader
  ) throws(PostgresError) -> StoredConnection {
    let id = try row.identifier()
    let name = try row.text()
    let segment = try row.text()
    let host = try row.text()
    let port = UInt16(clamping: try row.integer())
    let database = try row.text()
    let mode = try row.text()
    guard let tls = ServerTLSMode(rawValue: mode) else {
      throw PostgresError(
        code: .unexpected, message: "the connection \"\(name)\" has the TLS mode \"\(mode)\"")
    }
    let authorities = try row.optionalText()
    let labels = try? JSONDecoder().decode([String: String].self, from: Data(try row.json()))
    let createdAt = try row.time()
    let allowsFunctionCalls = try row.bool()
    let maximumRows = try row.optionalInteger().map { Int($0) }
    let kept = try row.text()
    guard let durability = Durability(rawValue: kept) else {
      throw PostgresError(
        code: .unexpected, message: "the connection \"\(name)\" has the durability \"\(kept)\"")
    }
    return StoredConnection(
      connection: Connection(
        id: id, name: name, segment: segment, host: host, port: port, database: database,
        tls: tls, authoritiesPEM: authorities, labels: labels ?? [:],
        allowsFunctionCalls: allowsFunctionCalls ? true : nil, maximumRows: maximumRows,
        durability: durability == .powerSafe ? .powerSafe : nil),
      createdAt: createdAt)
  }
}
