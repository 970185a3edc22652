package import ControlCore
package import GatewayModel

extension PostgresStore: SecretStore {
  package func secrets() async throws(ControlError) -> [SealedSecret] {
    try await transact("reading the control plane's keys") { session in
      try session.rows("SELECT name, sealed FROM sallyport.sealed_secret ORDER BY name") {
        row throws(PostgresError) in
        SealedSecret(name: try row.text(), sealed: try row.bytes())
      }
    }
  }

  package func createSecrets(_ secrets: [SealedSecret]) async throws(ControlError) -> Bool {
    try await transact("storing the control plane's keys") { session in
      // Of replicas that start at once, one makes the keys and the others find them.
      try session.script("LOCK TABLE sallyport.sealed_secret IN EXCLUSIVE MODE")
      let present = try session.row("SELECT true FROM sallyport.sealed_secret LIMIT 1") {
        row throws(PostgresError) in try row.bool()
      }
      guard present == nil else { return false }
      for secret in secrets {
        try session.execute(
          "INSERT INTO sallyport.sealed_secret (name, sealed) VALUES ($1, $2)",
          [.text(secret.name), .bytes(secret.sealed)])
      }
      return true
    }
  }

  package func addSecret(_ secret: SealedSecret) async throws(ControlError) {
    try await transact("storing the key \"\(secret.name)\"") { session in
      _ = try session.execute(
        """
        INSERT INTO sallyport.sealed_secret (name, sealed) VALUES ($1, $2)
        ON CONFLICT (name) DO NOTHING
        """, [.text(secret.name), .bytes(secret.sealed)])
    }
  }

  package func rootDocuments(
    after version: UInt64
  ) async throws(ControlError) -> [StoredRoot] {
    try await transact("reading the root documents") { session in
      try session.rows(
        "SELECT version, envelope FROM sallyport.root_document WHERE version > $1 ORDER BY 1",
        [.number(version)]
      ) { row throws(PostgresError) in
        StoredRoot(version: try row.unsigned(), envelope: try row.bytes())
      }
    }
  }

  package func addRootDocument(
    _ root: StoredRoot, with secrets: [SealedSecret], at: WallTime
  ) async throws(ControlError) -> Bool {
    try await transact("storing root version \(root.version)") { session in
      let added = try session.execute(
        """
        INSERT INTO sallyport.root_document (version, envelope, created_at) VALUES ($1, $2, $3)
        ON CONFLICT (version) DO NOTHING
        """, [.number(root.version), .bytes(root.envelope), .time(at)])
      guard added == 1 else { return false }
      for secret in secrets {
        try session.execute(
          "INSERT INTO sallyport.sealed_secret (name, sealed) VALUES ($1, $2)",
          [.text(secret.name), .bytes(secret.sealed)])
      }
      // Not by their changes: a replica that does not know the document yet would issue under the
      // old keys and take the segments for done. fleetState compares versions of root documents.
      try record(in: session)
      return true
    }
  }

  package func controlPlaneID() async throws(ControlError) -> Identifier128 {
    try await transact("reading the name of the control plane's own log") { session in
      let id = try session.row("SELECT id FROM sallyport.control_plane") {
        row throws(PostgresError) in try row.identifier()
      }
      guard let id else {
        throw ControlError(
          .internal, "The table sallyport.control_plane is empty.",
          remedy: "Restore the database from its backup.")
      }
      return id
    }
  }
}
