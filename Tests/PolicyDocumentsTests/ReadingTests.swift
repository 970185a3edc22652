import GatewayModel
import PolicyEngine
import Testing

@testable import PolicyDocuments

/// Policies that are well formed.
@Suite struct ReadingTests {
  static let whole = """
    policy: orders-prod
    mode: observe
    on: { connections: [orders, "billing-*"], labels: { env: prod } }
    grants:
      - name: analysts-read
        message: For the analysts.
        to: { groups: [analysts], kinds: [user] }
        role: readonly
        effects: [read]
        functions: [st_*, app.f]
        tables: public.*
        when: { times: ["Mon-Fri 08:00-18:00 Europe/Berlin"], networks: [10.0.0.0/8] }
        delegation: { max_depth: 2 }
        max_rows: 10000
        max_statement_bytes: 20000
        statement_timeout: 15s
        idle_timeout: 1h
        max_sessions: 4
      - { name: app, to: { services: [orders-api] }, role: app, effects: [all] }
    rules:
      - name: no-schema-changes
        deny: { effects: [ddl, privilege], commands: [drop table, "ALTER *"] }
        message: Schema changes go through migrations.
        hint: "Ask #dba: they are quick."
        except: { users: [root@example.com] }
      - name: unfiltered-writes
        hold: { effects: [write], unfiltered: true }
        approvers: { groups: [dba] }
        wait: 15m
      - name: become
        to: { groups: [dba] }
        allow: { effects: [session], commands: [SET ROLE], settings: [role] }
      - { name: pii, mode: observe, mask: { columns: [public.customers.email], with: email } }
      - name: rest
        deny:
          reads: [a.b]
          writes: [c]
          columns: [d.e]
          functions: [f]
          opaque: true
          times: ["22:00-06:00"]
          networks: [unix]
          kinds: [ai_agent]
          depth: { min: 1, max: 3 }
          applications: [psql]
    """

  private func read(_ text: String) -> PolicyReading {
    PolicyReading([SourceFile(path: "p.yaml", text: text)])
  }

  @Test func everyKeyIsRead() throws {
    let reading = read(Self.whole)
    #expect(reading.diagnostics.isEmpty, "\(reading.diagnostics)")
    let document = try #require(reading.documents.first?.document)
    #expect(document.mode == .observe && document.name == "orders-prod")
    #expect(document.on.connections.map(\.text) == ["orders", "billing-*"])
    let grant = document.grants[0]
    #expect(grant.to.groups.map(\.text) == ["analysts"] && grant.to.kinds == [.user])
    #expect(grant.tables.map(\.text) == ["public.*"] && grant.maximumDepth == 2)
    #expect(grant.limits.statementTimeout?.milliseconds == 15_000)
    #expect(grant.limits.maximumRows == 10_000 && grant.limits.maximumSessions == 4)
    #expect(document.grants[1].effects == EffectList.all)
    #expect(document.rules.map(\.verb) == [.deny, .hold, .allow, .mask, .deny])
    #expect(document.rules[0].hint == "Ask #dba: they are quick.")
    #expect(
      document.rules[0].match?.commands.map(\.description) == ["DROP TABLE", "ALTER *"])
    guard case .hold(_, let terms) = document.rules[1].action else {
      Issue.record("no hold")
      return
    }
    #expect(terms.wait?.description == "15m" && terms.approvers?.groups.map(\.text) == ["dba"])
    let match = try #require(document.rules[4].match)
    #expect(match.opaque == true && match.depth == DepthRange(minimum: 1, maximum: 3))
    #expect(match.kinds == [.aiAgent] && match.applications.map(\.text) == ["psql"])
  }

  @Test func placesAreThoseOfNames() throws {
    let policy = try #require(read(Self.whole).documents.first)
    #expect(policy.place == SourcePlace(file: "p.yaml", line: 1, column: 9))
    #expect(policy.scope == SourcePlace(file: "p.yaml", line: 3, column: 1))
    #expect(policy.grants.map(\.line) == [5, 19])
    #expect(policy.rules.first == SourcePlace(file: "p.yaml", line: 21, column: 11))
  }

  @Test func fileHasSeveralDocuments() {
    let one = "policy: a\nrules: [{ name: r, deny: { opaque: true } }]\n"
    let reading = read("---\n\(one)---\n---\n# nothing\n---\n\(one.replacing("a\n", with: "b\n"))")
    #expect(reading.documents.map(\.document.name) == ["a", "b"])
    #expect(reading.isUsable)
    #expect(read("").documents.isEmpty && read("# nothing").isUsable)
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    let document = try #require(read(Self.whole).documents.first?.document)
    let text = try PolicyWriting.yaml([document, PolicyDocument(name: "b", rules: document.rules)])
    let again = read(text)
    #expect(again.diagnostics.isEmpty, "\(again.diagnostics)")
    #expect(again.documents.first?.document == document)
    #expect(again.documents.last?.document.rules == document.rules)
    #expect(try PolicyWriting.yaml(again.documents.map(\.document)) == text)
  }

  @Test func writtenFormIsForPeople() throws {
    let document = PolicyDocument(
      name: "grant-x",
      grants: [
        PolicyGrant(
          name: "x", to: .init(users: [try NamePattern(text: "yes")]), role: "r: #1",
          effects: EffectList.all)
      ])
    #expect(
      try PolicyWriting.yaml([document]) == """
        policy: grant-x
        grants:
        - name: x
          to:
            users:
            - 'yes'
          role: 'r: #1'
          effects:
          - all

        """)
  }

  @Test func everyProblemOfAFileIsTold() {
    let reading = read(
      """
      policy: P
      mode: off
      grants: [{ name: g, to: { groups: [] }, role: r, effects: [raed] }]
      """)
    #expect(reading.diagnostics.map(\.place.line) == [1, 2, 3, 3])
    #expect(reading.documents.isEmpty && !reading.isUsable)
  }

  @Test func diagnosticIsOneLine() {
    let reading = read("policy: a\ngrant: []\n")
    #expect(
      reading.diagnostics.first?.description
        == "p.yaml:2:1: error: a policy has the unknown key \"grant\"; did you mean \"grants\"?")
  }

  /// A policy is known by its file and line afterwards.
  @Test func fileThatIsGivenTwiceIsAnError() {
    let one = "policy: a\nrules: [{ name: r, deny: { opaque: true } }]\n"
    let reading = PolicyReading([
      SourceFile(path: "p.yaml", text: one), SourceFile(path: "q.yaml", text: "# nothing"),
      SourceFile(path: "p.yaml", text: one.replacing("policy: a", with: "policy: b")),
    ])
    #expect(
      reading.diagnostics.map(\.description) == [
        """
        p.yaml:1:1: error: two files are called "p.yaml"; name each file once, and give each its own \
        path
        """
      ])
    #expect(!reading.isUsable && reading.documents.map(\.document.name) == ["a"])
  }

  @Test func policyThatStandsTwiceIsAnError() {
    let one = "policy: a\nrules: [{ name: r, deny: { opaque: true } }]\n"
    let reading = PolicyReading([
      SourceFile(path: "1.yaml", text: one), SourceFile(path: "2.yaml", text: one),
    ])
    #expect(
      reading.diagnostics.map(\.description) == [
        """
        2.yaml:1:9: error: the policy "a" stands twice; rename one; the first is at 1.yaml:1:9
        """
      ])
  }
}
