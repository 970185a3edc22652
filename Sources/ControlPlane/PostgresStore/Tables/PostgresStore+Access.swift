package import ControlCore
package import GatewayModel

extension PostgresStore: AccessStore {
  package func createBootstrapToken(
    hash: [UInt8], at: WallTime
  ) async throws(ControlError) -> Bool {
    try await transact("storing the bootstrap token") { session in
      let stored = try session.execute(
        """
        INSERT INTO sallyport.bootstrap_token (hash, created_at) VALUES ($1, $2)
        ON CONFLICT DO NOTHING
        """, [.bytes(hash), .time(at)])
      guard stored == 1 else { return false }
      try record(in: session)
      return true
    }
  }

  package func hasBootstrapToken() async throws(ControlError) -> Bool {
    try await transact("looking for the bootstrap token") { session in
      try session.row("SELECT true FROM sallyport.bootstrap_token", []) {
        row throws(PostgresError) in try row.bool()
      } ?? false
    }
  }

  package func withdrawBootstrapToken(hash: [UInt8]) async throws(ControlError) {
    try await transact("withdrawing the bootstrap token") { session in
      let withdrawn = try session.execute(
        "DELETE FROM sallyport.bootstrap_token WHERE hash = $1 AND used_at IS NULL",
        [.bytes(hash)])
      if withdrawn == 1 { try record(in: session) }
    }
  }

  package func replaceBootstrapToken(hash: [UInt8], at: WallTime) async throws(ControlError) {
    try await transact("replacing the bootstrap token") { session in
      _ = try session.execute(
        """
        INSERT INTO sallyport.bootstrap_token (hash, created_at) VALUES ($1, $2)
        ON CONFLICT (single) DO UPDATE
          SET hash = excluded.hash, created_at = excluded.created_at, used_at = NULL
        """, [.bytes(hash), .time(at)])
      try record(in: session)
    }
  }

  package func redeemBootstrapToken(
    hash: [UInt8], for token: StoredAPIToken
  ) async throws(ControlError) -> Bool {
    try await transact("redeeming the bootstrap token") { session in
      // The row lock of the UPDATE makes a second redeemer wait and then find it spent.
      let spent = try session.execute(
        """
        UPDATE sallyport.bootstrap_token SET used_at = $2 WHERE hash = $1 AND used_at IS NULL
        """, [.bytes(hash), .time(token.createdAt)])
      guard spent == 1 else { return false }
      try session.execute(
        """
        INSERT INTO sallyport.api_token (id, name, hash, role, created_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        [
          .identifier(token.id), .text(token.name), .bytes(token.hash),
          .text(token.role.rawValue), .time(token.createdAt),
        ])
      try record(in: session)
      return true
    }
  }

  package func apiToken(hash: [UInt8]) async throws(ControlError) -> StoredAPIToken? {
    try await transact("looking up the API token") { session in
      try session.row(
        "SELECT id, name, role, created_at FROM sallyport.api_token WHERE hash = $1",
        [.bytes(hash)]
      ) { row throws(PostgresError) in
        let id = try row.identifier()
        let name = try row.text()
        let role = try row.text()
        guard let known = Caller.Role(rawValue: role) else {
          throw PostgresError(
            code: .unexpected, message: "the API token \"\(id)\" has the unknown role \"\(role)\"")
        }
        return StoredAPIToken(
          id: id, name: name, hash: hash, role: known, createdAt: try row.time())
      }
    }
  }
}
