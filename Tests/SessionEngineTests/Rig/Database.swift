import Foundation
import GatewayModel
import Synchronization
import TestSupport

/// One real PostgreSQL cluster for all tests of this target, with a database and two roles.
struct Database: Sendable {
  let cluster: PostgresCluster
  static let passwords = ["app": "app-password", "reader": "reader-password"]

  /// Lives until the process ends, which runs no `deinit`: the server is stopped by an exit handler.
  static let shared = Task {
    let cluster = try await PostgresCluster()
    folderAtExit.withLock { $0 = cluster.folder.path }
    atexit {
      guard let folder = folderAtExit.withLock({ $0 }),
        let text = try? String(contentsOfFile: "\(folder)/data/postmaster.pid", encoding: .utf8),
        let process = text.split(separator: "\n").first.flatMap({ pid_t($0) })
      else { return }
      kill(process, SIGQUIT)
      for _ in 0..<200 where kill(process, 0) == 0 { usleep(20_000) }
      try? FileManager.default.removeItem(atPath: folder)
    }
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

private let folderAtExit = Mutex<String?>(nil)
