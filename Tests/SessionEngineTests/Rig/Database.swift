import GatewayModel
import TestSupport

/// One real PostgreSQL cluster for all tests of this target, with a database and two roles.
struct Database: Sendable {
  let cluster: PostgresCluster
  static let passwords = ["app": "app-password", "reader": "reader-password"]

  static let shared = Task {
    let cluster = try await PostgresCluster()
    for (role, password) in passwords.sorted(by: { $0.key < $1.key }) {
      try await cluster.sql("CREATE ROLE \(role) LOGIN PASSWORD '\(password)'")
    }
    try await cluster.sql("CREATE DATABASE shop OWNER app")
    return Database(cluster: cluster)
  }

  /// The connection as registered, with the agent's credentials standing for any sealed ones.
  func connection(
    agent: AgentID, name: String = "orders", tls: ServerTLSMode = .verifyFull,
    host: String = "127.0.0.1", port: Int? = nil, authoritiesPEM: String? = nil
  ) throws -> Connection {
    let sealed = SealedCredential(agent: agent, encapsulatedKey: "", ciphertext: "")
    return Connection(
      id: Identifier128(high: 7, low: UInt64(name.utf8.count)), name: name, segment: "test",
      host: host, port: UInt16(port ?? cluster.port), database: "shop", tls: tls,
      authoritiesPEM: try authoritiesPEM
        ?? String(contentsOfFile: cluster.authorityFile, encoding: .utf8),
      roles: Self.passwords.keys.sorted().map { DatabaseRole(name: $0, credentials: [sealed]) })
  }
}
