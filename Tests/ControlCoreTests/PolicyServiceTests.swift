import APIModel
import Foundation
import GatewayModel
import PolicyEngine
import SignedBundle
import Testing

@testable import ControlCore

@Suite struct PolicyServiceTests {
  static let orders = """
    # who reads orders
    policy: orders
    on: { connections: [orders] }
    grants:
      - { name: readers, to: { groups: [analysts] }, role: app, effects: [read] }
    rules:
      - { name: no-ddl, deny: { effects: [ddl] }, message: "Migrations only." }

    """
  static let billing = """
    policy: billing
    on: { labels: { team: billing } }
    grants:
      - { name: all, to: { groups: [billing] }, role: app, effects: [all] }

    """

  private static func apply(
    _ plane: Plane, _ files: [String], dryRun: Bool = false, prune: Bool = false,
    base: Int? = nil
  ) async throws(ControlError) -> PolicyOutcome {
    try await plane.plane.policies.apply(
      PolicyApplication(
        documents: files.enumerated().map {
          PolicyFile(path: "f\($0.offset).yaml", text: $0.element)
        },
        dryRun: dryRun, prune: prune, comment: "why", baseVersion: base), by: plane.caller)
  }

  private static func acts(_ plane: Plane, _ action: String) -> [ControlLogSummary] {
    plane.store.state.withLock { $0.log.map { ControlLogSummary($0.body) } }
      .filter { $0.action == action }
  }

  @Test func `an application makes one version, recorded with what changed`() async throws {
    let plane = try await Plane()
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    let first = try await Self.apply(plane, [Self.orders])
    #expect(first.version == 1 && first.isNew)
    #expect(first.difference.items.map(\.part) == ["policy", "grant", "rule"])
    #expect(first.diagnostics.isEmpty)
    let again = try await Self.apply(plane, [Self.orders])
    #expect(again.version == 1 && !again.isNew && again.difference.items.isEmpty)
    // A comment is kept, and so makes a version that says nothing new.
    let commented = try await Self.apply(plane, ["# more\n" + Self.orders])
    #expect(commented.version == 2 && commented.isNew && commented.difference.items.isEmpty)
    let second = try await Self.apply(plane, [Self.orders + "---\n" + Self.billing])
    #expect(second.version == 3)
    // No connection has the label.
    #expect(second.diagnostics.map(\.severity) == ["warning"])
    let acts = Self.acts(plane, "policy.apply")
    #expect(acts.count == 3)
    let version = try #require(try await plane.store.policy(version: 3))
    #expect(
      acts.last?.detail == """
        {"added":["billing"],"changed":["orders"],"comment":"why",\
        "sha256":"\(Hexadecimal.text(version.head.digest))","version":3}
        """)
    #expect(version.documents.map(\.text) == [Self.orders, Self.billing].map { $0.trimmed })
    #expect(version.head.createdBy == "admin" && version.head.comment == "why")
  }

  @Test func `what would be removed is named, and removed only when asked`() async throws {
    let plane = try await Plane()
    _ = try await Self.apply(plane, [Self.orders, Self.billing])
    let error = await #expect(throws: ControlError.self) {
      try await Self.apply(plane, [Self.orders])
    }
    #expect(error?.code == .conflict)
    #expect(error?.message.contains("\"billing\"") == true)
    #expect(error?.remedy?.contains("--prune") == true)
    #expect(try await plane.store.currentPolicy()?.head.number == 1)
    let pruned = try await Self.apply(plane, [Self.orders], prune: true)
    #expect(pruned.difference.items.map(\.change) == ["removed"])
    #expect(try await plane.store.currentPolicy()?.documents.map(\.name) == ["orders"])
  }

  @Test func `a trial changes nothing and a wrong base is refused`() async throws {
    let plane = try await Plane()
    let trial = try await Self.apply(plane, [Self.orders], dryRun: true)
    #expect(trial.version == 0 && !trial.isNew && !trial.difference.items.isEmpty)
    #expect(try await plane.store.currentPolicy() == nil)
    #expect(Self.acts(plane, "policy.apply").isEmpty)
    _ = try await Self.apply(plane, [Self.orders], base: 0)
    let error = await #expect(throws: ControlError.self) {
      try await Self.apply(plane, [Self.orders, Self.billing], base: 0)
    }
    #expect(error?.code == .conflict)
    #expect(error?.message.contains("in force is 1, not 0") == true)
    #expect(try await Self.apply(plane, [Self.orders, Self.billing], base: 1).version == 2)
  }

  @Test func `files with errors are refused with their places`() async throws {
    let plane = try await Plane()
    let wrong = Self.orders.replacing("effects: [read]", with: "efects: [read]")
    let error = await #expect(throws: ControlError.self) {
      try await Self.apply(plane, [Self.billing, wrong])
    }
    #expect(error?.code == .invalid)
    let place = try #require(error?.diagnostics.first { $0.severity == "error" })
    #expect(place.file == "f1.yaml" && place.line == 5)
    #expect(place.remedy.contains("effects"))
    #expect(error?.body.diagnostics?.isEmpty == false)
    #expect(try await plane.store.currentPolicy() == nil)
    // Nothing but what a policy is: too many documents, too long.
    let many = (0...PolicyLimits.documents).map { "policy: p\($0)\nrules: []\n" }
    await #expect(throws: ControlError.self) { try await Self.apply(plane, many) }
    let long = await #expect(throws: ControlError.self) {
      try await Self.apply(
        plane, [Self.orders + "# " + String(repeating: "x", count: PolicyLimits.bytes)])
    }
    #expect(long?.message.contains("bytes") == true)
  }

  @Test func `a path stands for one file`() async throws {
    let plane = try await Plane()
    let error = await #expect(throws: ControlError.self) {
      try await plane.plane.policies.apply(
        PolicyApplication(documents: [
          PolicyFile(path: "p.yaml", text: Self.orders),
          PolicyFile(path: "p.yaml", text: Self.billing),
        ]), by: plane.caller)
    }
    #expect(error?.code == .invalid && error?.message.contains("\"p.yaml\"") == true)
    #expect(try await plane.store.currentPolicy() == nil)
    // What is kept of each is its own.
    _ = try await Self.apply(plane, [Self.orders, Self.billing])
    for document in try #require(try await plane.store.currentPolicy()).documents {
      #expect(document.text.contains("policy: \(document.name)\n"))
    }
  }

  @Test func `what is over the limits may become less, and not more`() async throws {
    let plane = try await Plane()
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    // As an upgrade makes it of many grants.
    let documents = (0..<PolicyLimits.documents + 2).map { number in
      let json = """
        {"policy": "grant-g\(number)", "on": {"connections": ["orders"]}, "grants": \
        [{"name": "g\(number)", "to": {"groups": ["dba"]}, "role": "app", "effects": ["all"]}]}
        """
      return StoredPolicy(
        name: "grant-g\(number)", text: json + "\n", json: json,
        createdAt: WallTime(unixNanoseconds: 0))
    }
    plane.store.state.withLock {
      $0.policies = [
        PolicyVersion(
          head: PolicyVersionHead(
            number: 1, createdAt: WallTime(unixNanoseconds: 0), createdBy: "upgrade", digest: [],
            documents: documents.count), documents: documents)
      ]
    }
    try await plane.plane.grants.remove("g1", by: plane.caller)
    #expect(
      try await plane.store.currentPolicy()?.documents.count == PolicyLimits.documents + 1)
    let error = await #expect(throws: ControlError.self) {
      try await plane.plane.grants.add(
        GrantDraft(name: "x", principal: nil, group: "x", connection: "orders", role: "app"),
        by: plane.caller)
    }
    #expect(error?.message.contains("more than \(PolicyLimits.documents)") == true)
  }

  @Test func `texts over the limit may become less, and not more`() throws {
    func documents(_ bytes: Int) -> [StoredPolicy] {
      let text = String(repeating: "x", count: bytes)
      return [
        StoredPolicy(name: "p", text: text, json: "{}", createdAt: WallTime(unixNanoseconds: 0))
      ]
    }
    let limit = PolicyLimits.bytes
    try PolicyLimits.check(documents(limit), after: [])
    try PolicyLimits.check(documents(limit + 5), after: documents(limit + 5))
    #expect(throws: ControlError.self) {
      try PolicyLimits.check(documents(limit + 1), after: documents(limit))
    }
    #expect(throws: ControlError.self) {
      try PolicyLimits.check(documents(limit + 6), after: documents(limit + 5))
    }
  }

  @Test func `a rollback issues the earlier content as a new version`() async throws {
    let plane = try await Plane()
    _ = try await Self.apply(plane, [Self.orders])
    _ = try await Self.apply(plane, [Self.orders, Self.billing])
    let back = try await plane.plane.policies.rollBack(
      PolicyRollback(version: 1, comment: "closed"), by: plane.caller)
    #expect(back.version == 3 && back.isNew)
    #expect(back.difference.items.first?.policy == "billing")
    let (first, third) = (
      try #require(try await plane.store.policy(version: 1)),
      try #require(try await plane.store.policy(version: 3))
    )
    #expect(first.documents == third.documents && first.head.digest == third.head.digest)
    #expect(third.head.rolledBackTo == 1)
    #expect(Self.acts(plane, "policy.rollback").count == 1)
    let same = try await plane.plane.policies.rollBack(
      PolicyRollback(version: 1), by: plane.caller)
    #expect(same.version == 3 && !same.isNew)
    let error = await #expect(throws: ControlError.self) {
      try await plane.plane.policies.rollBack(PolicyRollback(version: 9), by: plane.caller)
    }
    #expect(error?.code == .notFound)
    let history = try await plane.plane.policies.history(
      limit: 2, cursor: nil, by: plane.caller)
    #expect(history.items.map(\.version) == [3, 2] && history.nextCursor == "2")
    let rest = try await plane.plane.policies.history(
      limit: 2, cursor: "2", by: plane.caller)
    #expect(rest.items.map(\.version) == [1] && rest.nextCursor == nil)
  }

  @Test func `a bundle has the documents of its connections, in order`() async throws {
    let plane = try await Plane()
    _ = try await plane.enrol()
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    func names() async throws -> [String] {
      let bundle = try await plane.plane.bundles.currentBundle(segment: "prod")
      let envelope = try #require(
        try? JSONSerialization.jsonObject(
          with: Data(bundle.envelope)) as? [String: Any])
      let payload = try #require(
        (envelope["payload"] as? String).flatMap { Data(base64Encoded: $0) })
      return try JSONDecoder().decode(BundlePayload.self, from: payload).policies.map(\.name)
    }
    let before = try await plane.plane.bundles.currentBundle(segment: "prod").version
    let everywhere = "policy: all\nrules:\n  - { name: r, deny: { effects: [privilege] } }\n"
    _ = try await Self.apply(plane, [everywhere, Self.billing, Self.orders])
    #expect(try await plane.plane.bundles.currentBundle(segment: "prod").version > before)
    #expect(try await names() == ["all", "orders"])
    var labelled = Plane.draft("invoices")
    labelled.labels = ["team": "billing"]
    _ = try await plane.plane.connections.add(labelled, by: plane.caller)
    #expect(try await names() == ["all", "billing", "orders"])
  }

  @Test func `grants are documents of their own`() async throws {
    let plane = try await Plane()
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    _ = try await Self.apply(plane, [Self.orders])
    let info = try await plane.plane.grants.add(
      GrantDraft(
        name: "bob", principal: "bob@example.com", group: nil, connection: "orders", role: "app",
        effects: ["read", "write"], maximumRows: 10), by: plane.caller)
    #expect(info.policy == "grant-bob" && info.effects == ["read", "write"])
    #expect(info.principal == "bob@example.com" && info.group == nil && info.maximumRows == 10)
    let listed = try await plane.plane.grants.list(by: plane.caller)
    #expect(listed.map(\.name) == ["readers", "bob"])
    #expect(listed.first?.group == "analysts" && listed.first?.connection == "orders")
    // What was made is a file that can be applied again, and says the same.
    let content = try await plane.plane.policies.show(by: plane.caller)
    #expect(content.version?.version == 2)
    let text = content.documents.map(\.text).joined(separator: "---\n")
    #expect(try await Self.apply(plane, [text]).isNew == false)
    let theirs = await #expect(throws: ControlError.self) {
      try await plane.plane.grants.remove("readers", by: plane.caller)
    }
    #expect(theirs?.code == .conflict && theirs?.message.contains("\"orders\"") == true)
    try await plane.plane.grants.remove("bob", by: plane.caller)
    #expect(try await plane.store.currentPolicy()?.documents.map(\.name) == ["orders"])
    let twice = await #expect(throws: ControlError.self) {
      try await plane.plane.grants.remove("bob", by: plane.caller)
    }
    #expect(twice?.code == .notFound)
  }

  @Test func `documents of one file are kept as they are written`() {
    let text =
      "# a\npolicy: a\n---\n\npolicy: b  # --- no marker\ntext: |\n  ---\n...\n--- # c\npolicy: c"
    let texts = DocumentTexts(text)
    #expect(texts.text(atLine: 2) == "# a\npolicy: a\n")
    #expect(texts.text(atLine: 5) == "policy: b  # --- no marker\ntext: |\n  ---\n")
    #expect(texts.text(atLine: 10) == "# c\npolicy: c\n")
  }
}

extension String {
  /// As texts are stored: one line feed at the end.
  fileprivate var trimmed: String {
    trimmingCharacters(in: .newlines) + "\n"
  }
}
