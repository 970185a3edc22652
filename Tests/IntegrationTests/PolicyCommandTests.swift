import APIModel
import Foundation
import TestSupport
import Testing

/// Policies from the command line to the client that is refused, and to the trail.
@Suite(.serialized) struct PolicyCommandTests {
  private static let rules = """
    policy: shop-rules
    on: { connections: [shop] }
    rules:
      - name: no-status
        deny: { columns: [public.orders.status] }
        message: "The status of orders is not for reports."
        hint: "Ask for the view orders_open."

    """

  /// The policies in force as a file, with those of the test behind them.
  private func folder(_ fleet: Fleet) async throws -> String {
    let shown = try await fleet.cli(["policy", "show"])
    let name = "policies-\(UInt32.random(in: 0 ... .max)).yaml"
    return try fleet.folder.write(shown + "---\n" + Self.rules, to: name)
  }

  @Test func `a policy is applied, refuses, is recorded, rolled back and replayed`() async throws {
    let fleet = try await Fleet()
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    let sql = "select status from orders where id = 1"
    #expect(try await fleet.psql(sql, token: token).output == "open\n")
    let file = try await folder(fleet)
    let trial = try await fleet.control.cliOutcome(["policy", "apply", file, "--dry-run"])
    #expect(trial.output.contains("+ rule shop-rules/no-status"), "\(trial.output)\(trial.errors)")
    #expect(trial.errors.contains("version 2 is in force"))
    let applied = try await fleet.control.cliOutcome(
      ["policy", "apply", file, "--comment", "no status", "--base-version", "2"])
    #expect(applied.errors.contains("Version 3 is in force."), "\(applied.errors)")
    try await fleet.waitForBundle()

    let refused = try await fleet.psql(sql, token: token, flags: ["-v", "VERBOSITY=verbose"])
    #expect(refused.errors.contains("42501"), "\(refused.errors)")
    #expect(refused.errors.contains("The status of orders is not for reports."))
    #expect(refused.errors.contains("HINT:  Ask for the view orders_open."))
    try await eventually("the refusal in the trail") {
      try await !fleet.statements(["--rule", "no-status"]).isEmpty
    }
    let recorded = try #require(
      try await fleet.statements(["--rule", "no-status", "--policy", "shop-rules"]).first)
    #expect(recorded.outcome == "refused" && recorded.reason == "policy")
    #expect(recorded.policy == "shop-rules")
    let hash = try await fleet.cluster.sql(
      """
      select encode(payload_hash, 'hex') from sallyport.bundle
      where version = \(recorded.bundleVersion ?? -1)
      """, database: "sallyport")
    #expect(recorded.bundleHash == hash && !hash.isEmpty)
    let session = try #require(recorded.session)
    let timeline = try await fleet.cli(["sessions", "show", session])
    #expect(timeline.contains("by shop-rules/no-status"), "\(timeline)")

    let explained = try await fleet.cli([
      "policy", "explain", "--as", "alice@example.com", "--group", "analysts", "--connection",
      "shop", sql,
    ])
    #expect(explained.contains("=> deny shop-rules/no-status: it matches"), "\(explained)")

    try await fleet.cli(["policy", "rollback", "2"])
    try await fleet.waitForBundle()
    #expect(try await fleet.psql(sql, token: token).output == "open\n")
    let history = try await fleet.cli(["policy", "history"])
    #expect(history.contains("back to 2"), "\(history)")
    try await eventually("both statements in the trail") {
      try await fleet.statements(["--words", sql, "--outcome", "completed"]).count == 2
    }
    try await expectReplay(fleet, file)
    let acts = try await fleet.cli(["audit", "control", "--action", "policy", "--format", "json"])
    #expect(acts.contains("policy.rollback") && acts.contains("policy.apply"))
  }

  private func expectReplay(_ fleet: Fleet, _ file: String) async throws {
    struct Report: Decodable {
      struct Difference: Decodable, Equatable {
        var was: String
        var decision: String
        var rule: String
      }
      var judged: Int
      var otherwise: Int
      var differences: [Difference]
    }
    func replay(_ arguments: [String]) async throws -> Report {
      let output = try await fleet.cli(
        ["policy", "replay", "--since", "1h", "--connection", "shop", "--format", "json"]
          + arguments)
      return try JSONDecoder().decode(Report.self, from: Data(output.utf8))
    }
    // The two that passed would be refused, and the one that was refused as well.
    let under = try await replay([file])
    #expect(under.judged == 3)
    #expect(
      under.differences
        == Array(
          repeating: .init(was: "allowed", decision: "deny", rule: "shop-rules/no-status"),
          count: 2))
    let table = try await fleet.control.cliOutcome(
      ["policy", "replay", "--since", "1h", "--connection", "shop", "--limit", "1", file])
    #expect(table.output.contains("shop-rules/no-status"), "\(table.output)")
    #expect(
      table.errors.contains(
        "3 judged, 2 would have been decided otherwise (the newest 1 are shown; see --limit)"),
      "\(table.errors)")
    let csv = try await fleet.cli(["policy", "replay", "--since", "1h", "--format", "csv", file])
    #expect(csv.hasPrefix("at,session,statement,principal,"), "\(csv)")
    #expect(csv.split(separator: "\r\n").count == 3, "\(csv)")
    let inForce = try await replay([])
    #expect(inForce.otherwise == 1)
    #expect(inForce.differences.map(\.was) == ["refused"])
    #expect(inForce.differences.map(\.decision) == ["allow"])
  }

  @Test func `an application reaches a running session within two seconds`() async throws {
    let fleet = try await Fleet()
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    let script = try fleet.folder.write(
      "select status from orders where id = 1 \\watch 0.02\n", to: "watch.sql")
    let client = try ChildProcess(
      "psql", ["-X", "-A", "-t", "-q", "-f", script],
      environment: fleet.clientEnvironment(token: token))
    try await eventually("the first answers") { client.output.contains("open") }
    let file = try await folder(fleet)
    let start = ContinuousClock.now
    try await fleet.cli(["policy", "apply", file])
    let answered = ContinuousClock.now - start
    try await eventually("the refusal of the next statement") {
      client.errors.contains("not for reports") || client.poll() != nil
    }
    let took = ContinuousClock.now - start
    print("policy apply: answered after \(answered), in a running session after \(took)")
    #expect(client.errors.contains("The status of orders is not for reports."))
    // It was refused, and the session stayed.
    #expect(!client.errors.contains("terminat"), "\(client.errors)")
    #expect(took < .seconds(2))
    _ = try await client.terminate()
  }

  @Test func `what is wrong with files is told with its place`() async throws {
    let fleet = try await Fleet()
    let wrong = try fleet.folder.write(
      "policy: wrong\nrules:\n  - { name: r, denny: { effects: [ddl] } }\n", to: "wrong.yaml")
    for verb in [["apply"], ["lint", "--offline"], ["test"], ["diff"]] {
      let outcome = try await fleet.control.cliOutcome(["policy"] + verb + [wrong])
      #expect(outcome.exit == .code(1))
      #expect(
        (outcome.output + outcome.errors).contains("wrong.yaml:3:16: error: "),
        "\(verb): \(outcome.output)\(outcome.errors)")
    }
    let rules = try fleet.folder.write(Self.rules, to: "rules.yaml")
    let removing = try await fleet.control.cliOutcome(["policy", "apply", rules])
    #expect(removing.exit == .code(1))
    #expect(removing.errors.contains("grant-analysts-shop-readonly"), "\(removing.errors)")
    #expect(removing.errors.contains("--prune"))
    let other = Self.rules.replacing("[shop]", with: "[shpo]")
    let unknown = try fleet.folder.write(other, to: "unknown.yaml")
    let warned = try await fleet.control.cliOutcome(["policy", "lint", unknown])
    #expect(warned.succeeded)
    #expect(warned.output.contains("warning: no connection is called \"shpo\""), "\(warned)")
  }

  @Test func `the examples pass their tests`() async throws {
    let examples = Checkout.root.appending(path: "deploy/examples/policies").path
    let outcome = try await run(Fleet.program("sallyport"), ["policy", "test", examples])
    #expect(outcome.succeeded, "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.hasSuffix("passed, 0 failed\n"), "\(outcome.output)")
  }
}
