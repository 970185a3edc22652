package import ControlCore
package import GatewayModel

extension PostgresStore: BundleStore {
  package func noteSegment(_ segment: String) async throws(ControlError) {
    try await transact("noting the segment \"\(segment)\"") { session in
      _ = try session.execute(
        "INSERT INTO sallyport.segment (name) VALUES ($1) ON CONFLICT DO NOTHING",
        [.text(segment)])
    }
  }

  package func issue(
    segment: String, refreshBefore: WallTime, at: WallTime,
    sign: @escaping @Sendable (SegmentContents, UInt64) throws(ControlError) -> IssuedBundle
  ) async throws(ControlError) -> IssuedBundle? {
    try await transact("issuing the bundle of \"\(segment)\"") { session in
      // A change of the policies that is under way marks only the segments it sees, and not one that
      // is made at this moment: so this waits for it, and reads what it has made. Before the
      // segment, as changePolicy(_:) has it.
      _ = try session.row(
        "SELECT version FROM sallyport.policy_head FOR SHARE", [],
        { row throws(PostgresError) in try row.unsigned() })
      // Changes wait for this lock, and this waits for changes; see touch(segment:_:). What is
      // read below, by later statements under READ COMMITTED, has every change that is counted.
      let changes = try session.row(
        "SELECT changes FROM sallyport.segment WHERE name = $1 FOR UPDATE", [.text(segment)],
        { row throws(PostgresError) in try row.integer() })
      guard let changes else { return nil }
      let newest = try session.row(
        """
        SELECT version, changes, issued_at,
          root_version >= (SELECT coalesce(max(version), 0) FROM sallyport.root_document)
        FROM sallyport.bundle WHERE segment = $1 ORDER BY version DESC LIMIT 1
        """, [.text(segment)]
      ) { row throws(PostgresError) in
        (
          version: try row.unsigned(), changes: try row.integer(), issuedAt: try row.time(),
          hasNewestRoot: try row.bool()
        )
      }
      if let newest, newest.changes == changes, newest.issuedAt > refreshBefore,
        newest.hasNewestRoot
      {
        return nil
      }

      let contents = SegmentContents(
        segment: segment,
        connections: try Self.connections(where: "c.segment = $1", [.text(segment)], session)
          .map(\.connection),
        policies: try Self.policiesInForce(session))
      let version = try Self.nextVersion(above: newest?.version ?? 0, session)
      let bundle = try sign(contents, version)
      try session.execute(
        """
        INSERT INTO sallyport.bundle
          (segment, version, changes, envelope, payload_hash, issued_at, expires_at,
           root_version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        [
          .text(segment), .number(bundle.version), .integer(changes), .bytes(bundle.envelope),
          .bytes(bundle.payloadHash), .time(bundle.issuedAt), .time(bundle.expiresAt),
          .number(bundle.rootVersion),
        ])
      try record(in: session)
      return bundle
    }
  }

  package func skipVersions(
    upTo version: UInt64, segment: String
  ) async throws(ControlError) {
    try await transact("raising the version of bundles") { session in
      try Self.touch(segment: segment, session)
      try Self.raiseVersions(to: version, session)
      try record(in: session)
    }
  }

  /// Draws the version of a segment's next bundle, above that of its newest.
  ///
  /// The sequence can be behind the rows: replication and partial restores leave sequences out. A
  /// bundle with a lower version than the newest would never be given to an agent, and the segment
  /// would stay due for ever.
  private static func nextVersion(
    above newest: UInt64, _ session: PostgresSession
  ) throws(PostgresError) -> UInt64 {
    func draw() throws(PostgresError) -> UInt64 {
      try session.row("SELECT nextval('sallyport.bundle_version')") {
        row throws(PostgresError) in try row.unsigned()
      } ?? 0
    }
    let drawn = try draw()
    guard drawn <= newest else { return drawn }
    try raiseVersions(to: newest, session)
    return try draw()
  }

  private static func raiseVersions(
    to version: UInt64, _ session: PostgresSession
  ) throws(PostgresError) {
    _ = try session.row(
      """
      SELECT setval('sallyport.bundle_version', greatest(last_value, $1))
      FROM sallyport.bundle_version
      """, [.number(version)], { row throws(PostgresError) in try row.integer() })
  }

  package func currentBundle(segment: String) async throws(ControlError) -> IssuedBundle? {
    try await transact("reading the bundle of \"\(segment)\"") { session in
      try session.row(
        """
        SELECT version, envelope, payload_hash, issued_at, expires_at, root_version
        FROM sallyport.bundle
        WHERE segment = $1 ORDER BY version DESC LIMIT 1
        """, [.text(segment)]
      ) { row throws(PostgresError) in
        IssuedBundle(
          segment: segment, version: try row.unsigned(), envelope: try row.bytes(),
          payloadHash: try row.bytes(), issuedAt: try row.time(), expiresAt: try row.time(),
          rootVersion: try row.unsigned())
      }
    }
  }

  package func fleetState(
    refreshBefore: WallTime, removedSince: WallTime
  ) async throws(ControlError) -> FleetState {
    try await transact("looking for changes") { session in
      let root = try session.row(
        "SELECT coalesce(max(version), 0) FROM sallyport.root_document",
        [], { row throws(PostgresError) in try row.unsigned() })
      let segments = try session.rows(
        """
        SELECT s.name, coalesce(b.version, 0),
          b.version IS NULL OR b.changes <> s.changes OR b.issued_at <= $1 OR b.root_version < $2
        FROM sallyport.segment s
        LEFT JOIN LATERAL (
          SELECT version, changes, issued_at, root_version FROM sallyport.bundle
          WHERE segment = s.name ORDER BY version DESC LIMIT 1
        ) b ON true
        """, [.time(refreshBefore), .number(root ?? 0)]
      ) { row throws(PostgresError) in
        (name: try row.text(), version: try row.unsigned(), isDue: try row.bool())
      }
      let removed = try session.rows(
        "SELECT id FROM sallyport.agent WHERE removed_at >= $1", [.time(removedSince)],
        { row throws(PostgresError) in AgentID(try row.identifier()) })
      let locked = try session.rows(
        "SELECT id FROM sallyport.agent WHERE locked_at IS NOT NULL",
        [], { row throws(PostgresError) in AgentID(try row.identifier()) })
      return FleetState(
        versions: Dictionary(
          segments.filter { $0.version > 0 }.map { ($0.name, $0.version) },
          uniquingKeysWith: max),
        due: segments.filter(\.isDue).map(\.name), removedAgents: Set(removed),
        lockedAgents: Set(locked), rootVersion: root ?? 0)
    }
  }
}
