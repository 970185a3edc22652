import GatewayModel
import PolicyEngine
import Testing

@testable import PolicyDocuments

@Suite struct CaseTests {
  private let policy = """
    policy: p
    grants: [{ name: g, to: { groups: [x] }, role: r, effects: [read], max_rows: 5 }]
    rules: [{ name: d, deny: { tables: [secret] }, message: No. }]
    """

  private func run(_ text: String) throws -> [CaseResult] {
    let cases = PolicyCases([SourceFile(path: "t.yaml", text: text)])
    try #require(cases.diagnostics.isEmpty, "\(cases.diagnostics)")
    let reading = PolicyReading([SourceFile(path: "p.yaml", text: policy)])
    return cases.run(PolicySet(reading.documents.map(\.document))) { sql in
      StatementFacts(
        commands: ["SELECT"], effects: sql.contains("write") ? .write : .read,
        tables: sql.contains("secret")
          ? [.init(name: TableName(parts: ["secret"]), access: .read)] : [])
    }
  }

  private static let defaults = "defaults: { connection: c, who: { user: a, groups: [x] } }\n"

  @Test func failedCaseSaysWhereWhatAndWhy() throws {
    let results = try run(
      Self.defaults + """
        cases:
          - { sql: secret, expect: { decision: allow, rule: p/g } }
          - { name: fine, sql: select, expect: { decision: allow, rule: p/g, max_rows: 5 } }
        """)
    #expect(results.map(\.isPassed) == [false, true])
    #expect(results[1].text == "t.yaml:4:5: ok: fine")
    #expect(
      results[0].text == """
        t.yaml:3:5: FAILED: secret
            decision is deny, not allow
            rule is p/d, not p/g
            deny by p/d: No.
             + grant p/g: it covers the statement
            => deny p/d: it matches
        """)
  }

  @Test(arguments: [
    ("{ sql: select, expect: { decision: deny } }", "decision is allow, not deny"),
    ("{ sql: write, expect: { decision: deny, rule: p/d } }", "rule is none, not p/d"),
    ("{ sql: select, expect: { decision: allow, max_rows: 6 } }", "max_rows is 5, not 6"),
    ("{ sql: select, expect: { decision: allow, masks: [p/m] } }", "masks is [], not [p/m]"),
    ("{ sql: select, expect: { decision: allow, observed: [p/o] } }", "observed is [], not [p/o]"),
    ("{ sql: select, expect: { decision: entry-denied } }", "decision is allow, not entry-denied"),
    ("{ expect: { decision: allow, rule: p/h } }", "rule is p/g, not p/h"),
    (
      "{ who: { user: b }, sql: select, expect: { decision: allow } }",
      "decision is entry-denied, not allow"
    ),
    ("{ role: postgres, expect: { decision: allow } }", "decision is entry-denied, not allow"),
  ])
  func eachExpectationCanFail(text: String, difference: String) throws {
    let results = try run("\(Self.defaults)cases:\n  - \(text)\n")
    #expect(results.map(\.differences) == [[difference]])
  }

  @Test(arguments: [
    ("cases: []", 1, "the test file has no \"cases\""),
    ("cases: x", 1, "the test file has no \"cases\""),
    ("case: []", 1, "the unknown key \"case\""),
    ("cases:\n  - { sql: s }", 2, "a case has no \"who\""),
    (
      "cases:\n  - { who: { user: a }, connection: c, expect: { rule: p/d } }", 2, "no \"decision\""
    ),
    (
      "cases:\n  - { who: { user: a }, connection: c, expect: { decision: no } }", 2,
      "unknown value \"no\""
    ),
    (
      "cases:\n  - { who: { user: a }, connection: c, expect: { decision: deny } }", 2, "has no sql"
    ),
    (
      "cases:\n  - { who: { user: a, agent: b }, connection: c, expect: { decision: allow } }", 2,
      "\"who\" has 2 of user, service and agent"
    ),
    (
      "cases:\n  - { who: { groups: [a] }, connection: c, expect: { decision: allow } }", 2,
      "\"who\" has 0 of"
    ),
    (
      "cases:\n  - { who: { user: a, actors: [] }, connection: c, expect: { decision: allow } }", 2,
      "\"actors\" is a list of 0"
    ),
    (
      "cases:\n  - { who: { user: a }, connection: c, at: noon, expect: { decision: allow } }", 2,
      "\"at\" is \"noon\""
    ),
    (
      "cases:\n  - { who: { user: a }, connection: c, sql: [a], expect: { decision: allow } }", 2,
      "\"sql\" is a list"
    ),
    (
      "cases:\n  - { who: { user: a }, connection: {}, expect: { decision: allow } }", 2,
      "\"connection\" is empty"
    ),
    (
      "cases:\n  - { who: { user: a }, connection: c, expect: { decision: allow, rule: g } }", 2,
      "\"rule\" is \"g\""
    ),
    (
      "cases:\n  - { who: { user: a }, connection: c, when: x, expect: { decision: allow } }", 2,
      "unknown key \"when\""
    ),
  ])
  func badFilesAreTold(text: String, line: Int, message: String) {
    let cases = PolicyCases([SourceFile(path: "t.yaml", text: text)])
    #expect(
      cases.diagnostics.contains { $0.place.line == line && $0.message.contains(message) },
      "\(cases.diagnostics)")
  }
}
