import Foundation
import PolicyEngine
import Testing

@testable import PolicyDocuments

/// What a set says and cannot mean.
@Suite struct LintTests {
  private func lint(
    _ texts: String..., connections: [PolicyLint.KnownConnection]? = nil,
    catalogue: Catalogue? = nil
  ) throws -> [String] {
    let files = texts.enumerated().map { SourceFile(path: "\($0.offset).yaml", text: $0.element) }
    let reading = PolicyReading(files)
    try #require(reading.isUsable, "\(reading.diagnostics)")
    return PolicyLint(reading.documents, connections: connections, catalogue: catalogue)
      .diagnostics().map(\.description)
  }

  private static let grant = "{ name: g, to: { groups: [x] }, role: r, effects: [write] }"

  @Test func cleanSetSaysNothing() throws {
    #expect(
      try lint(
        """
        policy: p
        grants: [\(Self.grant)]
        rules:
          - { name: d, deny: { effects: [write], unfiltered: true } }
          - { name: e, deny: { effects: [write], tables: [a] }, except: { groups: [x] } }
          - { name: m, mask: { columns: [c.d], with: email } }
        """
      ).isEmpty)
  }

  @Test func grantOfWhichNothingIsLeft() throws {
    #expect(
      try lint(
        "policy: p\ngrants: [\(Self.grant)]",
        "policy: q\nrules: [{ name: d, deny: { effects: [write, ddl] } }]") == [
          """
          0.yaml:2:18: error: the rule "q/d" refuses all that the grant "g" allows; exempt whom the \
          grant is for, or leave it out (1.yaml:2:17)
          """
        ])
    for rule in [
      "deny: { effects: [ddl] }", "deny: { effects: [write], tables: [a] }",
      "to: { groups: [y] }, deny: { effects: [write] }",
      "except: { groups: [x] }, deny: { effects: [write] }",
      "mode: observe, deny: { effects: [write] }",
    ] {
      #expect(
        try lint("policy: p\ngrants: [\(Self.grant)]\nrules: [{ name: d, \(rule) }]").isEmpty,
        "\(rule)")
    }
    #expect(
      try lint(
        "policy: p\ngrants: [\(Self.grant)]\nrules: [{ name: d, deny: { commands: [\"*\"] } }]"
      ).count == 1)
    #expect(
      try lint(
        "policy: p\ngrants: [\(Self.grant)]",
        "policy: q\non: { connections: [a] }\nrules: [{ name: d, deny: { effects: [write] } }]"
      ).isEmpty)
  }

  @Test func allowOfWhichNothingIsLeft() throws {
    let deny = "{ name: d, deny: { effects: [session] } }"
    #expect(
      try lint(
        """
        policy: p
        rules:
          - { name: a, allow: { effects: [session], commands: [SET] } }
          - \(deny)
        """
      ).map { $0.prefix { $0 != ";" } } == [
        "0.yaml:3:13: error: the rule \"p/d\" refuses all that the rule \"a\" allows"
      ])
    #expect(
      try lint(
        """
        policy: p
        rules:
          - { name: a, allow: { effects: [session, read] } }
          - \(deny)
        """
      ).isEmpty)
  }

  @Test(arguments: [
    ("deny: { tables: [public.*] }", "deny: { tables: [public.a] }", true),
    ("deny: { tables: [public.a] }", "deny: { tables: [public.*] }", false),
    ("deny: { tables: [a] }", "deny: { reads: [public.a] }", true),
    ("deny: { commands: [\"DROP *\"] }", "hold: { commands: [DROP TABLE] }", true),
    ("hold: { commands: [\"DROP *\"] }", "deny: { commands: [DROP TABLE] }", false),
    ("deny: { effects: [write, ddl] }", "deny: { effects: [write], unfiltered: true }", true),
    ("deny: { effects: [write], unfiltered: true }", "deny: { effects: [write] }", false),
    ("to: { groups: [x] }, deny: { opaque: true }", "deny: { opaque: true }", false),
    ("deny: { opaque: true }", "to: { groups: [x] }, deny: { opaque: true }", true),
    (
      "to: { users: [\"a*\"] }, deny: { opaque: true }",
      "to: { users: [ab] }, deny: { opaque: true }", true
    ),
    ("except: { groups: [x] }, deny: { opaque: true }", "deny: { opaque: true }", false),
    ("mode: observe, deny: { opaque: true }", "deny: { opaque: true }", false),
    ("deny: { opaque: true }", "mode: observe, deny: { opaque: true }", false),
    ("deny: { columns: [a.b] }", "deny: { columns: [x.a.b] }", true),
    ("deny: { times: [\"08:00-09:00\"] }", "deny: { times: [\"08:00-10:00\"] }", false),
  ])
  func ruleThatNeverDecides(first: String, second: String, isTold: Bool) throws {
    let told = try lint(
      "policy: p\nrules:\n  - { name: one, \(first) }\n  - { name: two, \(second) }")
    #expect(
      told.contains { $0.contains("4:13: error: the rule \"two\" never decides") } == isTold)
    #expect(told.count == (isTold ? 1 : 0), "\(told)")
  }

  @Test func holdBehindNothingIsRefusedByALaterDeny() throws {
    let told = try lint(
      "policy: p\nrules:\n  - { name: h, hold: { opaque: true } }\n"
        + "  - { name: d, deny: { opaque: true } }")
    #expect(told.first?.hasPrefix("0.yaml:3:13: error: the rule \"h\" never decides") == true)
  }

  @Test(arguments: [
    ("", "", true), ("", "max_rows: 5", true), ("effects: [read, write]", "", true),
    ("", "effects: [read, write]", false), ("role: other", "", false),
    ("to: { users: [\"a*\"] }", "to: { users: [ab] }", true),
    ("to: { users: [ab] }", "to: { users: [\"a*\"] }", false),
    ("to: { subjects: [ab] }", "to: { users: [ab] }", true),
    ("to: { groups: [y] }", "", false), ("to: { groups: [y, x] }", "", true),
    ("tables: [public.*]", "", false), ("tables: [public.*]", "tables: [public.a]", true),
    ("", "functions: [f]", false), ("functions: [\"*\"]", "functions: [f]", true),
    ("when: { networks: [10.0.0.0/8] }", "", false), ("", "when: { networks: [\"::/0\"] }", true),
    ("delegation: { max_depth: 1 }", "", false), ("", "delegation: { max_depth: 1 }", true),
    ("delegation: { max_depth: 1 }", "delegation: { max_depth: 1 }", true),
    ("mode: observe", "", false), ("", "mode: observe", false),
  ])
  func grantThatNeverDecides(first: String, second: String, isTold: Bool) throws {
    func grant(_ name: String, _ keys: String) -> String {
      let defaults = ["to: { groups: [x] }", "role: r", "effects: [read]"].filter { line in
        !keys.contains(line.prefix { $0 != ":" } + ":")
      }
      let all = (["name: \(name)"] + defaults + [keys]).filter { !$0.isEmpty }
      return "  - { \(all.joined(separator: ", ")) }"
    }
    let told = try lint("policy: p\ngrants:\n\(grant("one", first))\n\(grant("two", second))")
    #expect(
      told.contains { $0.contains("4:13: warning: the grant \"two\" never decides: \"p/one\"") }
        == isTold)
    #expect(told.count == (isTold ? 1 : 0), "\(told)")
  }

  /// Rules are compared with those alone that are filed under one of their names.
  @Test func filedRulesAreFoundAsIfAllWereCompared() throws {
    var state: UInt64 = 7
    func pick(_ values: String...) -> String {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return values[Int(state >> 33) % values.count]
    }
    var found = 0
    for _ in 0..<300 {
      let rules = (0..<12).map { number in
        let selector = pick(
          "", "", "to: { users: [ann] }, ", "to: { groups: [x, y] }, ", "to: { users: [\"a*\"] }, ")
        let verb = pick("deny", "deny", "hold")
        let keys = [
          pick("opaque: true", "effects: [ddl]", "effects: [ddl, write]"),
          pick("", "tables: [a]", "tables: [public.a, b]", "tables: [\"public.*\"]", "tables: [b]"),
          pick("", "", "reads: [a]", "reads: [public.a, b]"), pick("", "", "writes: [b]"),
          pick("", "", "", "commands: [COPY]", "commands: [\"DROP *\", COPY]"),
          pick("", "", "", "", "settings: [role]", "columns: [a.b]", "functions: [f]"),
        ].filter { !$0.isEmpty }
        return "  - { name: r\(number), \(selector)\(verb): { \(keys.joined(separator: ", ")) } }"
      }
      let reading = PolicyReading([
        SourceFile(path: "p", text: "policy: p\nrules:\n\(rules.joined(separator: "\n"))\n")
      ])
      try #require(reading.isUsable, "\(reading.diagnostics)")
      let parts = PlacedParts(reading.documents)
      for placed in parts.rules[0] {
        func covers(_ number: Int) -> Bool {
          let deny = parts.denies[number]
          return deny !== placed && deny.match.covers(placed.match)
            && deny.rule.isFor(placed.rule.to)
        }
        let compared = parts.denies.indices.first(where: covers)
        let keys = placed.match.keys(for: placed.rule.to)
        #expect(parts.byName.first(keys, where: covers) == compared, "\(rules)")
        found += compared == nil ? 0 : 1
      }
    }
    #expect(found > 300)
  }

  /// Of this thread.
  private static func computingTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  /// A control plane looks at sets with thousands of rules while others wait for it: less than a second with
  /// optimisation for the largest of these.
  @Test(arguments: [
    ("deny: { tables: [public.t#] }", 1000), ("deny: { commands: [COPY], reads: [t#] }", 1000),
    ("allow: { effects: [session], settings: [s#] }", 1000),
    ("deny: { tables: [\"public.t#*\"] }", 200),
    ("to: { groups: [g#] }, deny: { effects: [ddl] }", 200),
    ("mask: { columns: [public.t#.c], with: m# }", 200),
  ])
  func manyRulesAreSoonLookedAt(rule: String, count: Int) throws {
    let numbers = 1000..<(1000 + count)
    let rules = numbers.map { "  - { name: r\($0), \(rule.replacing("#", with: "\($0)")) }" }
    let grants = numbers.map {
      "  - { name: g\($0), to: { users: [u\($0)] }, role: r, effects: [read] }"
    }
    let files = ["a", "b"].map { name in
      SourceFile(
        path: name,
        text: """
          policy: \(name)
          on: { connections: [\(name)] }
          grants:
          \(grants.joined(separator: "\n"))
          rules:
          \(rules.joined(separator: "\n"))
          """)
    }
    let reading = PolicyReading(files)
    try #require(reading.isUsable, "\(reading.diagnostics.first?.description ?? "")")
    // Other tests run at the same time.
    let start = Self.computingTime()
    #expect(PolicyLint(reading.documents).diagnostics().isEmpty)
    #expect(Self.computingTime() - start < .seconds(10))
  }

  @Test(arguments: [
    "except: { subjects: [\"*\"] }, deny: { opaque: true }",
    "to: { groups: [ab] }, except: { groups: [\"a*\"] }, deny: { opaque: true }",
  ])
  func exemptionOfEverybody(rule: String) throws {
    let told = try lint("policy: p\nrules:\n  - { name: r, \(rule) }")
    #expect(
      told.count == 1 && told[0].hasPrefix("0.yaml:3:13: error: the rule \"r\" exempts every"))
  }

  @Test func observeInsideObserve() throws {
    let told = try lint(
      """
      policy: p
      mode: observe
      rules: [{ name: r, mode: observe, deny: { opaque: true } }]
      """)
    #expect(told.count == 1 && told[0].hasPrefix("0.yaml:3:17: warning: \"r\" observes inside"))
  }

  @Test func columnThatIsMaskedInTwoWays() throws {
    let told = try lint(
      "policy: p\nrules: [{ name: a, mask: { columns: [public.c.email], with: email } }]",
      "policy: q\nrules: [{ name: b, mask: { columns: [c.email], with: hash } }]",
      "policy: r\nrules: [{ name: c, mask: { columns: [x.email], with: hash } }]")
    #expect(
      told == [
        """
        1.yaml:2:17: error: the rule "b" masks c.email with "hash", and "p/a" with "email"; mask \
        each column in one way (0.yaml:2:17)
        """
      ])
  }

  @Test func connectionsThatAreNotThere() throws {
    let known = [
      PolicyLint.KnownConnection(name: "orders", labels: ["env": "prod"]),
      PolicyLint.KnownConnection(name: "hr", labels: [:]),
    ]
    let rule = "rules: [{ name: r, deny: { opaque: true } }]"
    #expect(
      try lint("policy: p\non: { connections: [order, \"h*\"] }\n\(rule)", connections: known)
        == [
          "0.yaml:2:1: warning: no connection is called \"order\"; did you mean \"orders\"?"
        ])
    #expect(
      try lint("policy: p\non: { labels: { env: dev } }\n\(rule)", connections: known)
        .first?.contains("is about no connection") == true)
    #expect(
      try lint("policy: p\non: { labels: { env: \"*\" } }\n\(rule)", connections: known).isEmpty)
  }

  @Test func namesThatTheCatalogueHasNot() throws {
    let reading = Catalogue.reading(
      SourceFile(path: "c", text: "catalogue:\n  public.orders: [id, total]\n  app.x: [y]\n"))
    let catalogue = try #require(reading.catalogue)
    let told = try lint(
      """
      policy: p
      grants:
        - { name: g, to: { groups: [x] }, role: r, effects: [read], tables: [public.ordres, "app.*"] }
      rules:
        - { name: d, deny: { reads: [orders, pg_catalog.pg_authid], columns: [orders.totl, y] } }
        - { name: m, mask: { columns: [app.x.z], with: email } }
      """, catalogue: catalogue)
    #expect(
      told == [
        """
        0.yaml:3:13: error: "g" names the table "public.ordres", which the catalogue has not; did \
        you mean "public.orders"?
        """,
        """
        0.yaml:5:13: error: "d" names the column "orders.totl", which the catalogue has not; mend \
        the name, or the catalogue
        """,
        """
        0.yaml:6:13: error: "m" names the column "app.x.z", which the catalogue has not; did you \
        mean "app.x.y"?
        """,
      ])
  }

  @Test(arguments: [
    "catalogue: x", "catalogue:\n  orders: [id]", "tables: {}", "catalogue:\n  a.b: { c: d }", "[",
  ])
  func catalogueThatIsNone(text: String) {
    let reading = Catalogue.reading(SourceFile(path: "c", text: text))
    #expect(reading.catalogue == nil && !reading.diagnostics.isEmpty)
  }

  @Test func codeThatHidesWhatIsRefused() throws {
    let all = "{ name: g, to: { groups: [x] }, role: r, effects: [all] }"
    let told = try lint(
      "policy: p\ngrants: [\(all)]\nrules: [{ name: d, deny: { effects: [ddl] } }]")
    #expect(told.count == 1 && told[0].contains("3:17: warning: the rule \"d\" refuses effects"))
    #expect(
      try lint(
        "policy: p\ngrants: [\(all)]\nrules: [{ name: d, deny: { effects: [ddl, unknown] } }]"
      )
      .isEmpty)
  }
}
