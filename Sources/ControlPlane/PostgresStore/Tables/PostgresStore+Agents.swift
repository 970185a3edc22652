package import ControlCore
package import GatewayModel

extension PostgresStore: AgentStore {
  package func invite(_ invitation: StoredInvitation) async throws(ControlError) {
    try await transact("storing the invitation") { session in
      try session.execute(
        "INSERT INTO sallyport.segment (name) VALUES ($1) ON CONFLICT DO NOTHING",
        [.text(invitation.segment)])
      _ = try session.execute(
        """
        INSERT INTO sallyport.join_token
          (secret_hash, segment, client_address, names, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        [
          .bytes(invitation.secretHash), .text(invitation.segment),
          .text(invitation.clientAddress), .texts(invitation.names),
          .time(invitation.createdAt), .time(invitation.expiresAt),
        ])
      try record(in: session)
    }
  }

  package func enrol(
    secretHash: [UInt8], at: WallTime,
    _ enrolled: @escaping @Sendable (StoredInvitation) throws(ControlError) -> EnrolledAgent
  ) async throws(ControlError) -> EnrolledAgent? {
    try await transact("enrolling the agent") { session in
      // One statement takes the token, so that of many at once one gets the row. When the rest
      // fails, the transaction gives the token back.
      let invitation = try session.row(
        """
        UPDATE sallyport.join_token SET used_at = $2
        WHERE secret_hash = $1 AND used_at IS NULL AND expires_at > $2
        RETURNING segment, client_address, names, created_at, expires_at
        """, [.bytes(secretHash), .time(at)]
      ) { row throws(PostgresError) in
        StoredInvitation(
          secretHash: secretHash, segment: try row.text(), clientAddress: try row.text(),
          names: try row.texts(), createdAt: try row.time(), expiresAt: try row.time())
      }
      guard let invitation else { return nil }
      let agent = try enrolled(invitation)
      try Self.insert(agent, session)
      try Self.touch(segment: agent.segment, session)
      try record(in: session)
      return agent
    }
  }

  package func flaw(
    ofInvitation secretHash: [UInt8]
  ) async throws(ControlError) -> InvitationFlaw {
    try await transact("looking the join token up") { session in
      try session.row(
        "SELECT used_at, expires_at FROM sallyport.join_token WHERE secret_hash = $1",
        [.bytes(secretHash)]
      ) { row throws(PostgresError) -> InvitationFlaw in
        let (used, expires) = (try row.optionalTime(), try row.time())
        return used.map { .used(at: $0) } ?? .expired(at: expires)
      } ?? .unknown
    }
  }

  private static func insert(_ agent: EnrolledAgent, _ session: PostgresSession) throws {
    try session.execute(
      """
      INSERT INTO sallyport.agent
        (id, segment, hostname, client_address, names, version, audit_key, sealing_key,
         certificate_fingerprint, certificate_expires_at, enrolled_at, generation,
         certificate_key)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
      """,
      [
        .identifier(agent.id.value), .text(agent.segment), .text(agent.hostname),
        .text(agent.clientAddress), .texts(agent.names), .text(agent.version),
        .bytes(agent.auditKey), .bytes(agent.sealingKey), .text(agent.certificateFingerprint),
        .time(agent.certificateExpiresAt), .time(agent.enrolledAt), .number(agent.generation),
        .optional(agent.certificateKey),
      ])
  }

  package func remove(_ id: AgentID, at: WallTime) async throws(ControlError) -> Bool {
    try await transact("removing the agent") { session in
      let segment = try session.row(
        """
        UPDATE sallyport.agent SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL
        RETURNING segment
        """, [.identifier(id.value), .time(at)],
        { row throws(PostgresError) in try row.text() })
      guard let segment else { return false }
      try session.execute(
        "DELETE FROM sallyport.sealed_credential WHERE agent = $1", [.identifier(id.value)])
      try Self.touch(segment: segment, session)
      try record(in: session)
      return true
    }
  }

  package func renew(
    _ id: AgentID, at: WallTime,
    _ judge: @escaping @Sendable (EnrolledAgent) throws(ControlError) -> RenewalVerdict
  ) async throws(ControlError) -> RenewalVerdict {
    try await transact("renewing the certificate of the agent \"\(id)\"") { session in
      // Requests of one agent wait for this lock, so that of two hosts one is the second.
      let agents = try session.rows(
        Self.agentQuery("id = $1") + " FOR UPDATE", [.identifier(id.value)], Self.agent)
      guard let agent = agents.first else { throw AgentService.unknown(id) }
      let verdict = try judge(agent)
      switch verdict {
      case .issued(let renewed):
        try session.execute(
          """
          UPDATE sallyport.agent SET certificate_fingerprint = $2, certificate_expires_at = $3,
            generation = $4, certificate_key = $5, renews_freely = false,
            recovered_at = coalesce($6, recovered_at)
          WHERE id = $1
          """,
          [
            .identifier(id.value), .text(renewed.fingerprint), .time(renewed.expiresAt),
            .number(renewed.generation), .bytes(renewed.key), .optional(renewed.recoveredAt),
          ])
      case .locked(let reason):
        try session.execute(
          """
          UPDATE sallyport.agent SET locked_at = $2,
            quarantined_at = coalesce(quarantined_at, $2),
            quarantine_reason = concat_ws('; ', quarantine_reason, $3)
          WHERE id = $1
          """, [.identifier(id.value), .time(at), .text(reason)])
      }
      try record(in: session)
      return verdict
    }
  }

  package func greeted(
    _ id: AgentID, _ greeting: AgentGreeting, at: WallTime
  ) async throws(ControlError) {
    try await update(
      id,
      """
      version = $2, hostname = $3, bundle_version = $4, last_seen_at = $5,
      greeted_at = $5,
      client_address = CASE WHEN $6 = '' THEN client_address ELSE $6 END
      """,
      [
        .text(greeting.version), .text(greeting.hostname),
        .number(greeting.acceptedBundleVersion), .time(at), .text(greeting.clientAddress),
      ])
  }

  package func reported(
    _ id: AgentID, _ health: AgentHealthReport, at: WallTime
  ) async throws(ControlError) {
    try await update(
      id,
      """
      health = $2, problems = $3, open_sessions = $4, backlog_records = $5, bundle_version = $6,
      last_seen_at = $7
      """,
      [
        .text(health.state), .texts(health.problems), .number(health.openSessions),
        .number(health.backlogRecords), .number(health.acceptedBundleVersion), .time(at),
      ])
  }

  package func judged(
    _ id: AgentID, _ verdict: BundleVerdictReport, at: WallTime
  ) async throws(ControlError) {
    if verdict.accepted, verdict.document != .bundle {
      try await update(
        id,
        """
        last_seen_at = $3, rejected_version = NULL, rejected_reason = NULL,
        rejected_detail = NULL, rejected_at = NULL, rejected_document = NULL
        """, [.text(verdict.document.rawValue), .time(at)],
        unless: "rejected_document IS DISTINCT FROM $2")
    } else if verdict.accepted {
      // A refusal of an older version is history once a newer one was accepted.
      try await update(
        id,
        """
        bundle_version = $2, last_seen_at = $3, rejected_version = NULL, rejected_reason = NULL,
        rejected_detail = NULL, rejected_at = NULL, rejected_document = NULL
        """, [.number(verdict.version), .time(at)])
    } else {
      try await update(
        id,
        """
        rejected_version = $2, rejected_reason = $3, rejected_detail = $4, rejected_at = $5,
        last_seen_at = $5, rejected_document = $6
        """,
        [
          .number(verdict.version), .text(verdict.reason), .text(verdict.detail), .time(at),
          .text(verdict.document.rawValue),
        ],
        // A lease that is refused for want of its bundle must not hide why the bundle was refused.
        unless: "$6 = 'lease' AND rejected_reason IS NOT NULL"
          + " AND coalesce(rejected_document, 'bundle') = 'bundle'",
        // An agent says it again at every attachment.
        recordedIf: { session in
          try session.row(
            """
            SELECT (rejected_version, rejected_reason, coalesce(rejected_document, 'bundle'))
              IS DISTINCT FROM ($2, $3, $4)
            FROM sallyport.agent WHERE id = $1 FOR UPDATE
            """,
            [
              .identifier(id.value), .number(verdict.version), .text(verdict.reason),
              .text(verdict.document.rawValue),
            ],
            { row throws(PostgresError) in try row.bool() }) ?? false
        })
    }
  }

  package func detached(
    _ id: AgentID, attachedAt: WallTime, at: WallTime
  ) async throws(ControlError) {
    // A link greets within 10 seconds of its start or is cut. A later greeting is that of another
    // link, by which the agent is attached still.
    try await update(
      id, "detached_at = $2", [.time(at), .time(attachedAt)],
      unless: "greeted_at > $3 + interval '10 seconds'")
  }

  private func update(
    _ id: AgentID, _ assignments: String, _ values: [SQLValue], unless condition: String? = nil,
    recordedIf isNews: @escaping @Sendable (PostgresSession) throws -> Bool = { _ in true }
  ) async throws(ControlError) {
    let sql =
      "UPDATE sallyport.agent SET \(assignments) WHERE id = $1"
      + (condition.map { " AND (\($0)) IS NOT TRUE" } ?? "")
    try await transact("noting what the agent \"\(id)\" said") { session in
      let isNews = try entry != nil && isNews(session)
      let changed = try session.execute(sql, [.identifier(id.value)] + values)
      if changed == 1, isNews { try record(in: session) }
    }
  }
}

// Reading agents.
extension PostgresStore {
  package func agents(
    segment: String?, includingRemoved: Bool
  ) async throws(ControlError) -> [EnrolledAgent] {
    try await agents(
      where: "($1::text IS NULL OR segment = $1) AND ($2 OR removed_at IS NULL)",
      [.optional(segment), .bool(includingRemoved)])
  }

  package func agent(_ id: AgentID) async throws(ControlError) -> EnrolledAgent? {
    try await agents(where: "id = $1", [.identifier(id.value)]).first
  }

  package func agents(
    withIDPrefix prefix: String
  ) async throws(ControlError) -> [EnrolledAgent] {
    // Nobody has so many agents that a scan matters here; LIKE's wildcards are no hexadecimal.
    try await agents(where: "starts_with(id::text, $1)", [.text(prefix)])
  }

  private func agents(
    where condition: String, _ values: [SQLValue]
  ) async throws(ControlError) -> [EnrolledAgent] {
    let sql = Self.agentQuery(condition) + " ORDER BY segment, enrolled_at, id"
    return try await transact("reading the agents") { session in
      try session.rows(sql, values, Self.agent)
    }
  }

  private static func agentQuery(_ condition: String) -> String {
    """
    SELECT id, segment, hostname, client_address, names, version, audit_key, sealing_key,
      certificate_fingerprint, certificate_expires_at, enrolled_at, removed_at, last_seen_at,
      detached_at, bundle_version, health, problems, open_sessions, backlog_records,
      rejected_version, rejected_reason, rejected_detail, rejected_at, quarantined_at,
      quarantine_reason, rejected_document, generation, certificate_key, renews_freely, locked_at,
      recovered_at
    FROM sallyport.agent WHERE \(condition)
    """
  }

  private static func agent(_ row: inout RowReader) throws(PostgresError) -> EnrolledAgent {
    var agent = EnrolledAgent(
      id: AgentID(try row.identifier()), segment: try row.text(), hostname: try row.text(),
      clientAddress: try row.text(), names: try row.texts(), version: try row.text(),
      auditKey: try row.bytes(), sealingKey: try row.bytes(),
      certificateFingerprint: try row.text(), certificateExpiresAt: try row.time(),
      enrolledAt: try row.time(), removedAt: try row.optionalTime(),
      lastSeenAt: try row.optionalTime(), detachedAt: try row.optionalTime(),
      bundleVersion: try row.unsigned())
    let state = try row.optionalText()
    let problems = try row.texts()
    let openSessions = try row.unsigned()
    let backlog = try row.unsigned()
    if let state {
      agent.health = AgentHealthReport(
        state: state, problems: problems, openSessions: openSessions, backlogRecords: backlog,
        acceptedBundleVersion: agent.bundleVersion)
    }
    let version = try row.optionalInteger()
    let reason = try row.optionalText()
    let detail = try row.optionalText()
    let at = try row.optionalTime()
    if let version, let at {
      agent.rejection = BundleRejection(
        version: UInt64(clamping: version), reason: reason ?? "", detail: detail ?? "", at: at)
    }
    let quarantinedAt = try row.optionalTime()
    let why = try row.optionalText()
    agent.quarantine = quarantinedAt.map { AgentQuarantine(at: $0, reason: why ?? "") }
    let document = try row.optionalText().flatMap(JudgedDocument.init)
    agent.rejection?.document = document ?? .bundle
    agent.generation = try row.unsigned()
    agent.certificateKey = try row.optionalBytes()
    agent.renewsFreely = try row.bool()
    agent.lockedAt = try row.optionalTime()
    agent.recoveredAt = try row.optionalTime()
    return agent
  }
}
