package import ControlCore
internal import GatewayModel

extension PostgresStore: PolicyStore {
  package func currentPolicy() async throws(ControlError) -> PolicyVersion? {
    try await transact("reading the policies") { session in
      let number = try session.row("SELECT version FROM sallyport.policy_head") {
        row throws(PostgresError) in try row.unsigned()
      }
      return try Self.policy(number ?? 0, session)
    }
  }

  package func policy(version: UInt64) async throws(ControlError) -> PolicyVersion? {
    try await transact("reading the policies of version \(version)") { session in
      try Self.policy(version, session)
    }
  }

  package func policyVersions(
    before: UInt64?, limit: Int
  ) async throws(ControlError) -> [PolicyVersionHead] {
    try await transact("reading the versions of the policies") { session in
      try session.rows(
        "\(Self.heads) WHERE v.version < $1 ORDER BY v.version DESC LIMIT $2",
        [.number(before ?? .max), .integer(Int64(limit))]
      ) { row throws(PostgresError) in try Self.head(&row) }
    }
  }

  package func changePolicy(
    _ change: @escaping @Sendable (PolicyBase) throws(ControlError) -> PolicyVersion?
  ) async throws(ControlError) -> PolicyVersion? {
    try await transact("changing the policies") { session in
      // Held until the end: versions come one after the other, and so without gaps.
      let number = try session.row("SELECT version FROM sallyport.policy_head FOR UPDATE") {
        row throws(PostgresError) in try row.unsigned()
      }
      let base = PolicyBase(
        current: try Self.policy(number ?? 0, session),
        connections: try Self.connections(where: "true", [], session).map(\.connection))
      guard let version = try change(base) else { return nil }
      try Self.write(version, session)
      try session.execute(
        "UPDATE sallyport.policy_head SET version = $1", [.number(version.head.number)])
      // In one order, so that this waits for other changes and never they for each other.
      _ = try session.rows(
        "SELECT name FROM sallyport.segment ORDER BY name FOR UPDATE",
        [], { row throws(PostgresError) in try row.text() })
      try session.execute("UPDATE sallyport.segment SET changes = changes + 1")
      try record(in: session)
      return version
    }
  }

  /// The documents in force.
  static func policiesInForce(_ session: PostgresSession) throws -> [StoredPolicy] {
    try documents(
      "SELECT version FROM sallyport.policy_head", [], session)
  }

  private static func policy(
    _ version: UInt64, _ session: PostgresSession
  ) throws -> PolicyVersion? {
    let head: PolicyVersionHead? = try session.row(
      "\(heads) WHERE v.version = $1", [.number(version)],
      { row throws(PostgresError) in try Self.head(&row) })
    guard let head else { return nil }
    return PolicyVersion(
      head: head, documents: try documents("$1", [.number(version)], session))
  }

  private static func documents(
    _ version: String, _ values: [SQLValue], _ session: PostgresSession
  ) throws -> [StoredPolicy] {
    try session.rows(
      """
      SELECT name, text, document, created_at FROM sallyport.policy_document
      WHERE version = (\(version)) ORDER BY place
      """, values
    ) { row throws(PostgresError) in
      StoredPolicy(
        name: try row.text(), text: try row.text(),
        json: String(decoding: try row.json(), as: UTF8.self),
        createdAt: try row.time())
    }
  }

  private static let heads = """
    SELECT v.version, v.created_at, v.created_by, v.comment, v.rolled_back_to, v.digest,
      (SELECT count(*) FROM sallyport.policy_document d WHERE d.version = v.version)
    FROM sallyport.policy_version v
    """

  private static func head(_ row: inout RowReader) throws(PostgresError) -> PolicyVersionHead {
    PolicyVersionHead(
      number: try row.unsigned(), createdAt: try row.time(), createdBy: try row.text(),
      comment: try row.optionalText(), rolledBackTo: try row.optionalUnsigned(),
      digest: try row.bytes(), documents: Int(try row.integer()))
  }

  private static func write(_ version: PolicyVersion, _ session: PostgresSession) throws {
    let head = version.head
    try session.execute(
      """
      INSERT INTO sallyport.policy_version
        (version, created_at, created_by, comment, rolled_back_to, digest)
      VALUES ($1, $2, $3, $4, $5, $6)
      """,
      [
        .number(head.number), .time(head.createdAt), .text(head.createdBy),
        .optional(head.comment), .optional(head.rolledBackTo), .bytes(head.digest),
      ])
    let documents = version.documents
    try session.execute(
      """
      INSERT INTO sallyport.policy_document (version, place, name, text, document, created_at)
      SELECT $1, d.place - 1, d.name, d.text, d.document::jsonb, d.created_at
      FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[])
        WITH ORDINALITY AS d (name, text, document, created_at, place)
      """,
      [
        .number(head.number), .texts(documents.map(\.name)), .texts(documents.map(\.text)),
        .texts(documents.map(\.json)), .times(documents.map(\.createdAt)),
      ])
  }
}
