import APIModel
import Foundation
import TestSupport
import Testing

/// Roles that log in at the server by a client certificate, from the command line to the record.
@Suite(.serialized) struct ClientCertificateTests {
  private static let site = SharedSite()

  /// A fleet, and a cluster of its own that asks some roles for certificates of `authority`.
  private struct Site: Sendable {
    let fleet: Fleet
    let cluster: PostgresCluster
    let authority: TestPKI
    let password = "guarded-canary-5120"

    init() async throws {
      fleet = try await Fleet()
      authority = try TestPKI(name: "Client authority")
      cluster = try await PostgresCluster(
        rules: [
          "hostssl all certified 127.0.0.1/32 cert",
          "hostssl all guarded 127.0.0.1/32 scram-sha-256 clientcert=verify-full",
        ], clientAuthorities: authority.authorityPEM)
      try await cluster.sql(
        """
        create role certified login;
        create role guarded login password '\(password)';
        create role plain login password '\(password)';
        """)
      try await cluster.sql("create database shop")
    }

    /// Registers a connection of one role, grants it to analysts, and gives what the CLI said.
    func add(
      _ name: String, role: String, leaf: TestPKI.Leaf?, password: String? = nil
    ) async throws -> Outcome {
      var arguments = [
        "connections", "add", name,
        "postgresql://\(role)@127.0.0.1:\(cluster.port)/shop?sslmode=verify-full", "--segment",
        "test", "--ca-file", cluster.authorityFile,
      ]
      if let leaf { arguments += ["--sslcert", leaf.certificateFile, "--sslkey", leaf.keyFile] }
      if let password {
        let file = try fleet.folder.write(password, to: "\(name).pw")
        arguments += ["--password-file", "\(role)=\(file)"]
      }
      let outcome = try await fleet.control.cliOutcome(arguments)
      #expect(outcome.succeeded, "\(outcome.errors)")
      try await fleet.cli([
        "grants", "add", "--group", "analysts", "--connection", name, "--role", role,
      ])
      try await fleet.waitForBundle()
      return outcome
    }

    func psql(_ sql: String, _ name: String) async throws -> Outcome {
      let token = try await fleet.token(
        "alice@example.com", groups: "analysts", connections: [name])
      return try await fleet.psql(
        sql, token: token, connection: name, flags: ["-v", "VERBOSITY=verbose"])
    }

    /// The login is refused with one wording, and `connections test` and the record say why.
    func expectRefusal(_ name: String, reason: String, detail: String) async throws {
      let outcome = try await psql("select 1", name)
      #expect(outcome.exit == .code(2))
      #expect(
        outcome.errors.contains("FATAL:  the database of connection \"\(name)\" is not available"),
        "\(outcome.errors)")
      #expect(!outcome.errors.contains("certificate"), "\(outcome.errors)")
      var found: [StatementInfo] = []
      try await eventually("the record of the refusal") {
        found = try await fleet.statements(["--outcome", "refused", "--connection", name])
        return !found.isEmpty
      }
      #expect(found.map(\.reason) == [reason])
      #expect(found.map(\.sqlstate) == ["08006"])
      #expect(found[0].message?.contains(detail) == true, "\(found[0].message ?? "")")
      let test = try await fleet.control.cliOutcome(
        ["connections", "test", name, "--format", "json"])
      #expect(test.exit == .code(1))
      #expect(test.output.contains(detail), "\(test.output)")
    }
  }

  private actor SharedSite {
    private var task: Task<Site, any Error>?

    func get() async throws -> Site {
      if let task { return try await task.value }
      let task = Task { try await Site() }
      self.task = task
      return try await task.value
    }
  }

  @Test func aRoleLogsInByItsCertificate() async throws {
    let site = try await Self.site.get()
    let fleet = site.fleet
    let leaf = try site.authority.issue(
      [], usage: .client, commonName: "certified", validity: -3600...8_640_000)
    let added = try await site.add("certified", role: "certified", leaf: leaf)
    #expect(!added.errors.contains("Warning"), "\(added.errors)")
    let outcome = try await site.psql(
      "select current_user, client_dn from pg_stat_ssl where pid = pg_backend_pid()", "certified")
    #expect(outcome.output == "certified|/CN=certified\n", "\(outcome.errors)")
    try await eventually("the statement's record") {
      try await fleet.statements(["--connection", "certified"]).contains {
        $0.sql?.hasPrefix("select current_user") == true && $0.outcome == "completed"
      }
    }
    let test = try await fleet.cli(["connections", "test", "certified"])
    #expect(test.contains("PostgreSQL"), "\(test)")
    let shown = try await fleet.cli(["connections", "show", "certified"])
    #expect(shown.contains("certified  by certificate"), "\(shown)")
    let listed = try await fleet.cli(["connections", "list"])
    #expect(listed.contains("certified (certificate)"), "\(listed)")
    try await expectNoKey(leaf, site, in: shown + listed + test + added.errors + added.output)
  }

  /// The key stands readable nowhere: not in what was shown, nor in a log, a file or the store.
  private func expectNoKey(_ leaf: TestPKI.Leaf, _ site: Site, in shown: String) async throws {
    let fleet = site.fleet
    let line = try #require(leaf.keyPEM.split(separator: "\n").dropFirst().first)
    #expect(line.count == 64)
    let store = try await run(
      "pg_dump", ["-h", "127.0.0.1", "-p", "\(fleet.cluster.port)", "-U", "postgres", "sallyport"],
      environment: ["PGPASSWORD": fleet.cluster.superuserPassword])
    try #require(store.succeeded, "\(store.errors)")
    let state = try await run("grep", ["-rlF", "--", String(line), fleet.agent.state])
    #expect(state.output.isEmpty && state.exit == .code(1), "\(state.output)\(state.errors)")
    for (place, text) in [
      "store": store.output, "agent's log": fleet.agent.log,
      "control plane's log": fleet.control.log, "output": shown,
    ] {
      #expect(!text.contains(line) && !text.contains("PRIVATE KEY"), "the key is in the \(place)")
    }
  }

  @Test func aCertificateOfAnotherNameIsRefused() async throws {
    let site = try await Self.site.get()
    let leaf = try site.authority.issue([], usage: .client, commonName: "somebody")
    let added = try await site.add("misnamed", role: "certified", leaf: leaf)
    #expect(
      added.errors.contains("Warning: the certificate of role \"certified\" is for \"somebody\""),
      "\(added.errors)")
    try await site.expectRefusal(
      "misnamed", reason: "server_authentication",
      detail: "the server answered 28000: certificate authentication failed")
  }

  @Test func aCertificateOfAnUnknownAuthorityIsRefused() async throws {
    let site = try await Self.site.get()
    let other = try TestPKI()
    let leaf = try other.issue([], usage: .client, commonName: "certified")
    _ = try await site.add("unknown-ca", role: "certified", leaf: leaf)
    // What the server says, or where its word was lost with the connection, what it may mean.
    try await site.expectRefusal("unknown-ca", reason: "server_tls", detail: "ssl_ca_file")
  }

  @Test func aServerCanWantBoth() async throws {
    let site = try await Self.site.get()
    let leaf = try site.authority.issue([], usage: .client, commonName: "guarded")
    _ = try await site.add("both", role: "guarded", leaf: leaf, password: site.password)
    let outcome = try await site.psql("select current_user", "both")
    #expect(outcome.output == "guarded\n", "\(outcome.errors)")
    let shown = try await site.fleet.cli(["connections", "show", "both"])
    #expect(shown.contains("guarded  by certificate+password"), "\(shown)")
  }

  @Test func eitherAloneIsNotBoth() async throws {
    let site = try await Self.site.get()
    let leaf = try site.authority.issue([], usage: .client, commonName: "guarded")
    _ = try await site.add("no-password", role: "guarded", leaf: leaf)
    try await site.expectRefusal(
      "no-password", reason: "server_authentication",
      detail: "has a client certificate only; use cert for the role in its pg_hba.conf")
    _ = try await site.add("password-only", role: "guarded", leaf: nil, password: site.password)
    try await site.expectRefusal(
      "password-only", reason: "server_authentication",
      detail: "connection requires a valid client certificate")
  }

  @Test func aRoleWithAPasswordShowsNoCertificateOfAnother() async throws {
    let site = try await Self.site.get()
    let leaf = try site.authority.issue([], usage: .client, commonName: "certified")
    let password = try site.fleet.folder.write(site.password, to: "plain.pw")
    try await site.fleet.cli([
      "connections", "add", "two", "--segment", "test", "--host", "127.0.0.1", "--port",
      "\(site.cluster.port)", "--database", "shop", "--ca-file", site.cluster.authorityFile,
      "--role", "certified", "--role", "plain", "--sslcert", "certified=\(leaf.certificateFile)",
      "--sslkey", "certified=\(leaf.keyFile)", "--password-file", "plain=\(password)",
    ])
    for role in ["certified", "plain"] {
      try await site.fleet.cli([
        "grants", "add", "--group", "analysts", "--connection", "two", "--role", role,
      ])
    }
    try await site.fleet.waitForBundle()
    let token = try await site.fleet.token(
      "alice@example.com", groups: "analysts", connections: ["two"])
    for (role, name) in [
      ("certified", "/CN=certified"), ("plain", ""), ("certified", "/CN=certified"),
    ] {
      let outcome = try await site.fleet.psql(
        "select current_user, client_dn from pg_stat_ssl where pid = pg_backend_pid()",
        token: token, connection: "two", user: role)
      #expect(outcome.output == "\(role)|\(name)\n", "\(outcome.errors)")
    }
  }
}
