import APIModel
import Foundation
import TestSupport

/// A whole installation of the real programs: a cluster, a control plane, an agent and the CLI.
///
/// Everything lives in scratch folders and ends with the last reference.
final class Fleet: Sendable {
  /// The folder of the debug build, where `swift build --build-tests` left the programs.
  static let programs = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()

  static func program(_ name: String) throws -> String {
    for folder in [programs, Checkout.root.appending(path: ".build/debug")] {
      let path = folder.appending(path: name).path
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    throw TestFailure("\(name) is not built: run `swift build --build-tests` first")
  }

  let folder: ScratchFolder
  let cluster: PostgresCluster
  let control: ControlProcess
  let agent: AgentProcess

  /// The passwords of the database roles that connections use.
  static let readonlyPassword = "readonly-canary-7731"
  static let appPassword = "app-canary-9942"

  /// Starts everything and registers `shop` (roles readonly and app) with a grant for the
  /// group `analysts` (readonly) and for `bob@example.com` (app).
  init(
    agentFlags: [String] = [], recordLog: String? = nil, controlFlags: [String] = []
  ) async throws {
    folder = try ScratchFolder("fleet")
    cluster = try await PostgresCluster()
    try await cluster.sql(
      """
      create role sallyport login password 'control-canary-1184';
      create role readonly login password '\(Self.readonlyPassword)';
      create role app login password '\(Self.appPassword)';
      """)
    for database in ["sallyport owner sallyport", "shop"] {
      try await cluster.sql("create database \(database)")
    }
    try await cluster.sql(
      """
      create table orders (id int primary key, status text not null);
      insert into orders select n, 'open' from generate_series(1, 10000) as n;
      create table marks (n bigint);
      grant select on orders to readonly;
      grant all on orders, marks to app;
      """, database: "shop")
    control = try await ControlProcess(
      folder: folder, cluster: cluster, flags: controlFlags)
    agent = try await AgentProcess(
      folder: folder, control: control, flags: agentFlags, recordLog: recordLog)
    try await addConnection("shop", role: "readonly", password: Self.readonlyPassword)
    try await addConnection("shop-app", role: "app", password: Self.appPassword)
    try await cli(
      ["grants", "add", "--group", "analysts", "--connection", "shop", "--role", "readonly"])
    try await cli([
      "grants", "add", "--principal", "bob@example.com", "--connection", "shop-app", "--role",
      "app",
    ])
    try await waitForBundle()
  }

  // MARK: - The command line

  /// Runs `sallyport` with `arguments` as the administrator; throws when it fails.
  @discardableResult
  func cli(_ arguments: [String], input: String = "") async throws -> String {
    try await control.cli(arguments, input: input)
  }

  func addConnection(
    _ name: String, role: String, password: String, port: Int? = nil, database: String = "shop",
    tls: String = "verify-full", authority: String? = nil
  ) async throws {
    var arguments = [
      "connections", "add", name, "--segment", "test", "--host", "127.0.0.1", "--port",
      "\(port ?? cluster.port)", "--database", database, "--tls", tls, "--role", role,
      "--password-stdin",
    ]
    if tls.hasPrefix("verify") {
      arguments += ["--ca-file", authority ?? cluster.authorityFile]
    }
    try await cli(arguments, input: "\(password)\n")
  }

  /// A session token.
  func token(
    _ subject: String, groups: String = "none", connections: [String] = ["shop"],
    lifetime: String = "15m"
  ) async throws -> String {
    var arguments = ["tokens", "issue", "--subject", subject, "--ttl", lifetime]
    if groups != "none" { arguments += ["--groups", groups] }
    for connection in connections { arguments += ["--connection", connection] }
    let output = try await cli(arguments)
    return output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The audit trail, newest first, every page of it.
  func statements(_ filters: [String] = []) async throws -> [StatementInfo] {
    let output = try await cli(["audit", "query", "--format", "jsonl", "--all"] + filters)
    let decoder = JSONDecoder()
    return try output.split(separator: "\n").map {
      try decoder.decode(StatementInfo.self, from: Data($0.utf8))
    }
  }

  func agentInfo() async throws -> AgentInfo {
    let output = try await cli(["agents", "list", "--format", "json"])
    let agents = try JSONDecoder().decode([AgentInfo].self, from: Data(output.utf8))
    guard let first = agents.first(where: { $0.segment == "test" }) else {
      throw TestFailure("no agent in \(output)")
    }
    return first
  }

  /// Waits until the agent has accepted the newest bundle.
  func waitForBundle() async throws {
    try await eventually("the agent's acceptance of the newest bundle") {
      let info = try await agentInfo()
      return info.currentBundleVersion > 0 && info.bundleVersion == info.currentBundleVersion
    }
  }

  // MARK: - Clients

  /// Runs psql through the agent.
  func psql(
    _ sql: String, token: String, connection: String = "shop", user: String = "",
    environment: [String: String] = [:], flags: [String] = []
  ) async throws -> Outcome {
    try await run(
      "psql", ["-X", "-A", "-t", "-q"] + flags + ["-f", "-"],
      environment: clientEnvironment(token: token, connection: connection, user: user)
        .merging(environment) { _, new in new }, input: sql)
  }

  /// The libpq environment of a client that goes through the agent.
  func clientEnvironment(
    token: String, connection: String = "shop", user: String = ""
  ) -> [String: String] {
    [
      "PGHOST": "127.0.0.1", "PGPORT": "\(agent.port)", "PGDATABASE": connection,
      "PGUSER": user.isEmpty ? Self.subject(of: token) : user, "PGPASSWORD": token,
      "PGSSLMODE": "verify-full", "PGSSLROOTCERT": control.authorityFile,
    ]
  }
}

extension Fleet {
  /// The subject of a token: what a person types as the user name.
  private static func subject(of token: String) -> String {
    struct Claims: Decodable { let sub: String }
    let parts = token.split(separator: ".")
    guard parts.count == 3 else { return "nobody@example.com" }
    let padding = String(repeating: "=", count: (4 - parts[1].count % 4) % 4)
    let base64 = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/") + padding
    let claims = Data(base64Encoded: base64).flatMap {
      try? JSONDecoder().decode(Claims.self, from: $0)
    }
    return claims?.sub ?? "nobody@example.com"
  }
}

/// Where the sources stand.
enum Checkout {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}
