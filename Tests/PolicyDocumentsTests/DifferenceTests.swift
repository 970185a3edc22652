import PolicyEngine
import Testing

@testable import PolicyDocuments

@Suite struct DifferenceTests {
  private func documents(_ text: String) throws -> [PolicyDocument] {
    let reading = PolicyReading([SourceFile(path: "p", text: text)])
    try #require(reading.isUsable, "\(reading.diagnostics)")
    return reading.documents.map(\.document)
  }

  private let old = """
    policy: p
    on: { labels: { env: prod } }
    grants:
      - { name: a, to: { groups: [x] }, role: r, effects: [read] }
      - { name: b, to: { groups: [y] }, role: r, effects: [read] }
    rules:
      - { name: d, deny: { opaque: true } }
    ---
    policy: gone
    rules: [{ name: d, deny: { opaque: true } }]
    """

  private let new = """
    policy: p
    mode: observe
    on: { labels: { env: dev } }
    grants:
      - { name: b, to: { groups: [y] }, role: r, effects: [read] }
      - { name: a, to: { groups: [x, z] }, role: r, effects: [read], max_rows: 5 }
    rules:
      - { name: e, deny: { effects: [ddl] }, message: No. }
    ---
    policy: q
    rules: [{ name: d, deny: { opaque: true } }]
    """

  @Test func everyChangeIsTold() throws {
    let difference = PolicyDifference(from: try documents(old), to: try documents(new))
    #expect(
      difference.text == """
        - policy gone
        ~ policy p
            mode: observe
            on.labels.env: prod -> dev
        ~ grant p/a
            max_rows: 5
            to.groups: [x] -> [x, z]
        > grant p/b stands elsewhere in the order
        - rule p/d
        + rule p/e
            deny.effects: [ddl]
            message: No.
        + policy q
        + rule q/d
            deny.opaque: true
        """)
  }

  @Test func sameSetHasNone() throws {
    #expect(PolicyDifference(from: try documents(old), to: try documents(old)).isEmpty)
  }

  @Test func orderOfPoliciesIsTold() throws {
    let documents = try documents(old)
    let difference = PolicyDifference(from: documents, to: documents.reversed())
    #expect(difference.text == "> policy gone stands elsewhere in the order")
  }

  @Test func valueThatGoesIsTold() throws {
    let difference = PolicyDifference(from: try documents(new), to: try documents(old))
    #expect(difference.text.contains("max_rows: 5 -> (none)"))
    #expect(difference.text.contains("mode: observe -> (none)"))
  }
}
