import Foundation
import GRDB
package import GatewayModel

extension AgentState {
  // MARK: Leases

  /// Keeps a lease in place of the last.
  package func keep(_ lease: StoredLease) async throws(AgentStateError) {
    try await write("keeping the lease") { db in
      try db.execute(
        sql: "INSERT OR REPLACE INTO lease (only, root_version, envelope) VALUES (1, ?, ?)",
        arguments: [Int64(clamping: lease.rootVersion), Data(lease.envelope)])
    }
  }

  /// The lease kept last, if any; to be verified again before it is used.
  package func lease() async throws(AgentStateError) -> StoredLease? {
    try await read("reading the lease") { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT root_version, envelope FROM lease") else {
        return nil
      }
      let root: Int64 = row["root_version"]
      let envelope: Data = row["envelope"]
      return StoredLease(rootVersion: UInt64(clamping: root), envelope: Array(envelope))
    }
  }

  // MARK: Root documents

  /// Adds verified root documents to those there are, all or none.
  ///
  /// - Throws: ``AgentStateError`` `database` when they do not follow the newest one kept: the
  ///   verifier refuses such a chain first, so this is the second lock on that door.
  package func append(_ roots: [StoredRoot]) async throws(AgentStateError) {
    try await write("keeping root documents") { db in try Self.append(roots, db) }
  }

  /// All root documents, oldest first; to be verified again before they are used.
  package func roots() async throws(AgentStateError) -> [StoredRoot] {
    try await read("reading the root documents") { db in
      try Row.fetchAll(db, sql: "SELECT version, envelope FROM root_document ORDER BY version")
        .map { row in
          let version: Int64 = row["version"]
          let envelope: Data = row["envelope"]
          return StoredRoot(version: UInt64(clamping: version), envelope: Array(envelope))
        }
    }
  }

  static func append(_ roots: [StoredRoot], _ db: Database) throws {
    var newest = try Int64.fetchOne(db, sql: "SELECT max(version) FROM root_document")
    for root in roots {
      guard let version = Int64(exactly: root.version), version > 0,
        newest.map({ version - 1 == $0 }) ?? true
      else {
        throw AgentStateError(
          code: .database,
          message: "keeping root version \(root.version) refused: it does not follow version"
            + " \(newest ?? 0), which is kept")
      }
      try db.execute(
        sql: "INSERT INTO root_document (version, envelope) VALUES (?, ?)",
        arguments: [version, Data(root.envelope)])
      newest = version
    }
  }

  // MARK: Renewals

  /// The certificate that was asked for and has not come, if there is one.
  package func pendingRenewal() async throws(AgentStateError) -> PendingRenewal? {
    try await read("reading the pending renewal") { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT * FROM pending_renewal") else {
        return nil
      }
      let key: Data = row["private_key_pem"]
      return PendingRenewal(privateKeyPEM: Secret(key), requestPEM: row["csr_pem"])
    }
  }

  /// Keeps what is about to be asked for, before it is asked.
  package func keep(_ pending: PendingRenewal) async throws(AgentStateError) {
    try await write("keeping the pending renewal") { db in
      try db.execute(
        sql: "INSERT OR REPLACE INTO pending_renewal (only, private_key_pem, csr_pem)"
          + " VALUES (1, ?, ?)",
        arguments: [Data(pending.privateKeyPEM.bytes), pending.requestPEM])
    }
  }

  // MARK: Removal

  /// Whether the control plane has said that the agent was removed, and not let it in since.
  package func isRemoved() async throws(AgentStateError) -> Bool {
    try await read("reading whether the agent was removed") { db in
      try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM removal)") ?? false
    }
  }

  /// Notes what the control plane says of the agent's place; it holds over a restart.
  package func note(removed: Bool, at time: WallTime) async throws(AgentStateError) {
    try await write("noting whether the agent was removed") { db in
      if removed {
        try db.execute(
          sql: "INSERT OR IGNORE INTO removal (only, noted_at) VALUES (1, ?)",
          arguments: [time.unixNanoseconds])
      } else {
        try db.execute(sql: "DELETE FROM removal")
      }
    }
  }
}
