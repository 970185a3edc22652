import Foundation
import GRDB
internal import GatewayModel

extension AgentState {
  /// Whether the agent has joined.
  package func isEnrolled() async throws(AgentStateError) -> Bool {
    try await read("reading the enrolment") { db in
      try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM enrolment)") ?? false
    }
  }

  /// Keeps what the control plane answered, with the keys that were asked for, all or nothing.
  ///
  /// - Throws: ``AgentStateError`` `alreadyEnrolled` when the folder has an identity: it is never
  ///   overwritten, since its logs would lose their author.
  package func enrol(
    _ enrolment: Enrolment, keys: AgentKeys, identity: TLSIdentity, roots: [StoredRoot] = []
  ) async throws(AgentStateError) {
    let path = self.path
    try await write("keeping the enrolment") { db in
      guard try Int.fetchOne(db, sql: "SELECT count(*) FROM enrolment") == 0 else {
        throw AgentStateError(
          code: .alreadyEnrolled,
          message: "the agent in \"\(path)\" is enrolled already: to join again, give --state an"
            + " empty folder")
      }
      let policyKeys = String(
        decoding: try JSONEncoder().encode(enrolment.policyPublicKeys), as: UTF8.self)
      try db.execute(
        sql: """
          INSERT INTO enrolment (only, agent, organisation, segment, link_address, client_address,
            policy_public_keys, authorities_pem, enrolled_at, control_log, audit_public_key,
            server_url)
          VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          Data(enrolment.agent.value.bytes), enrolment.organisation, enrolment.segment,
          enrolment.linkAddress, enrolment.clientAddress, policyKeys, enrolment.authoritiesPEM,
          enrolment.enrolledAt.unixNanoseconds, enrolment.controlLog, enrolment.auditPublicKey,
          enrolment.serverURL,
        ])
      try db.execute(
        sql: "INSERT INTO agent_keys (only, audit, sealing) VALUES (1, ?, ?)",
        arguments: [Data(keys.audit.bytes), Data(keys.sealing.bytes)])
      try Self.put(identity, db)
      try Self.append(roots, db)
    }
  }

  /// The enrolment.
  ///
  /// - Throws: ``AgentStateError`` `notEnrolled`.
  package func enrolment() async throws(AgentStateError) -> Enrolment {
    let path = self.path
    return try await read("reading the enrolment") { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT * FROM enrolment") else {
        throw Self.notEnrolled(path)
      }
      let agent: Data = row["agent"]
      guard let id = Identifier128(bytes: agent) else {
        throw AgentStateError(
          code: .database,
          message: "the agent's id in \"\(path)\" is damaged: enrol again in an empty folder")
      }
      let keys: String = row["policy_public_keys"]
      return Enrolment(
        agent: AgentID(id), organisation: row["organisation"], segment: row["segment"],
        linkAddress: row["link_address"], clientAddress: row["client_address"],
        policyPublicKeys: try JSONDecoder().decode([String].self, from: Data(keys.utf8)),
        authoritiesPEM: row["authorities_pem"],
        enrolledAt: WallTime(unixNanoseconds: row["enrolled_at"]),
        controlLog: row["control_log"], auditPublicKey: row["audit_public_key"],
        serverURL: row["server_url"])
    }
  }

  /// The keys made at enrolment.
  ///
  /// - Throws: ``AgentStateError`` `notEnrolled`.
  package func keys() async throws(AgentStateError) -> AgentKeys {
    let path = self.path
    return try await read("reading the keys") { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT audit, sealing FROM agent_keys") else {
        throw Self.notEnrolled(path)
      }
      let audit: Data = row["audit"]
      let sealing: Data = row["sealing"]
      return AgentKeys(audit: Secret(audit), sealing: Secret(sealing))
    }
  }

  /// The certificate in use with its key.
  ///
  /// - Throws: ``AgentStateError`` `notEnrolled`.
  package func tlsIdentity() async throws(AgentStateError) -> TLSIdentity {
    let path = self.path
    return try await read("reading the certificate") { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT * FROM tls_identity") else {
        throw Self.notEnrolled(path)
      }
      let key: Data = row["private_key_pem"]
      return TLSIdentity(
        privateKeyPEM: Secret(key), certificateChainPEM: row["certificate_chain_pem"])
    }
  }

  /// Takes a renewed certificate and its key in the place of the old ones; what was asked for has
  /// come then.
  ///
  /// - Parameter authoritiesPEM: Replaces those of the enrolment.
  package func renew(
    _ identity: TLSIdentity, authoritiesPEM: String
  ) async throws(AgentStateError) {
    try await write("keeping the renewed certificate") { db in
      try Self.put(identity, db)
      try db.execute(
        sql: "UPDATE enrolment SET authorities_pem = ?", arguments: [authoritiesPEM])
      try db.execute(sql: "DELETE FROM pending_renewal")
    }
  }

  private static func put(_ identity: TLSIdentity, _ db: Database) throws {
    try db.execute(
      sql: """
        INSERT OR REPLACE INTO tls_identity (only, private_key_pem, certificate_chain_pem)
        VALUES (1, ?, ?)
        """,
      arguments: [Data(identity.privateKeyPEM.bytes), identity.certificateChainPEM])
  }
}
