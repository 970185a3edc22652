import GatewayModel
import Testing

@testable import PolicyEngine

/// What statements a match is about: widely where it refuses, narrowly where it allows.
@Suite struct MatchTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let match: StatementMatch
    let facts: StatementFacts
    let denies: Bool
    /// Whether a rule that adds `session` to the match allows a statement with that effect.
    let allows: Bool
    var testDescription: String { name }
  }

  static let rows: [Row] = [
    row("own schema", .init(tables: ["public.orders"]), reads: ["public.orders"], true, true),
    row("bare name", .init(tables: ["public.orders"]), reads: ["orders"], true, false),
    row("other schema", .init(tables: ["public.orders"]), reads: ["x.orders"], false, false),
    row("pattern of all schemas", .init(tables: ["orders"]), reads: ["x.orders"], true, true),
    row("bare by bare", .init(tables: ["orders"]), reads: ["orders"], true, true),
    row("schema star", .init(tables: ["public.*"]), reads: ["public.x"], true, true),
    row("schema star, bare", .init(tables: ["public.*"]), reads: ["x"], true, false),
    row("database", .init(tables: ["public.orders"]), reads: ["db.public.orders"], true, true),
    row("one of two", .init(tables: ["a.x"]), reads: ["a.x", "a.y"], true, false),
    row("no tables", .init(tables: ["*"]), reads: [], false, false),
    row("reads, written", .init(reads: ["a.x"]), writes: ["a.x"], false, false),
    row("reads, read", .init(reads: ["a.x"]), reads: ["a.x"], writes: ["a.y"], true, true),
    row("writes, read", .init(writes: ["a.x"]), reads: ["a.x"], false, false),
    row("writes, written", .init(writes: ["a.x"]), reads: ["a.y"], writes: ["a.x"], true, true),
    row("quoted", .init(tables: [#"public."Or*""#]), reads: ["public.Or*"], true, true),
    row("quoted star", .init(tables: [#"public."Or*""#]), reads: ["public.Orders"], false, false),
    row("folded", .init(tables: ["PUBLIC.Orders"]), reads: ["public.orders"], true, true),
    row("command", .init(commands: ["drop *"]), commands: ["DROP TABLE"], true, true),
    row("one command", .init(commands: ["SET"]), commands: ["SET", "DO"], true, false),
    row("no command", .init(commands: ["*"]), false, false),
    // The effect `session` of these rows is not the call's, and so not what a rule allows it.
    row("function", .init(functions: ["app.f"]), functions: ["app.f"], true, false),
    row("bare function", .init(functions: ["app.f"]), functions: ["f"], true, false),
    row("known function", .init(functions: ["now"]), known: ["now"], true, false),
    row(
      "known with an effect", .init(functions: ["now"]), calls: [("now", .session)], true, true),
    row(
      "known with another effect", .init(functions: ["now"]), calls: [("now", .write)], true,
      false),
    row(
      "known with an effect beside it", .init(functions: ["app.f"]), functions: ["app.f"],
      calls: [("now", .session)], true, false),
    row(
      "known beside it", .init(functions: ["app.f"]), functions: ["app.f"], known: ["now"], true,
      false),
    row("setting", .init(settings: ["Search_Path"]), settings: ["search_path"], true, true),
    row("any setting", .init(settings: ["search_path"]), settings: ["*"], true, false),
    row("unfiltered", .init(unfiltered: true), unfiltered: true, true, true),
    row("filtered", .init(unfiltered: true), false, false),
    row("filtered asked for", .init(unfiltered: false), true, true),
    row(
      "column", .init(columns: ["public.c.email"]), reads: ["public.c"], columns: ["email"], true,
      true),
    row(
      "column of a bare table", .init(columns: ["public.c.email"]), reads: ["c"],
      columns: ["x.email"], true, false),
    row(
      "all columns", .init(columns: ["public.c.email"]), reads: ["public.c"], columns: ["*"], true,
      false),
    row(
      "all columns allowed", .init(columns: ["public.c.*"]), reads: ["public.c"],
      columns: ["c.*"], true, true),
    row(
      "column elsewhere", .init(columns: ["public.c.email"]), reads: ["public.o"],
      columns: ["email"], false, false),
    row(
      "other column", .init(columns: ["public.c.email"]), reads: ["public.c"], columns: ["id"],
      false, false),
    row(
      "column with another schema", .init(columns: ["public.c.email"]), reads: ["c", "x.c"],
      columns: ["x.c.email"], false, false),
    row(
      "COPY", .init(columns: ["public.c.email"]), commands: ["COPY"], reads: ["c"], true, false),
    row("opaque, tables", .init(tables: ["a.x"]), opacity: .code, true, false),
    row("opaque, reads", .init(reads: ["a.x"]), opacity: .unparseable, true, false),
    row("opaque, columns", .init(columns: ["x"]), opacity: .code, true, false),
    row("opaque, functions", .init(functions: ["f"]), opacity: .tooDeep, true, false),
    row("opaque, settings", .init(settings: ["f"]), opacity: .tooLong, true, false),
    row("opaque, unfiltered", .init(unfiltered: true), opacity: .code, true, false),
    row(
      "code, its command", .init(commands: ["DO"]), commands: ["DO"], opacity: .code, true, true),
    row(
      "unparsed, a command", .init(commands: ["DO"]), commands: ["DO"], opacity: .unparseable,
      true, false),
    row("opaque asked for", .init(opaque: true), opacity: .code, true, true),
    row("opaque asked for, understood", .init(opaque: true), false, false),
    row("understood asked for", .init(opaque: false), true, true),
    row("understood asked for, opaque", .init(opaque: false), opacity: .code, false, false),
    row("kind", .init(kinds: [.user]), true, true),
    row("other kind", .init(kinds: [.aiAgent]), false, false),
    row("depth", .init(depth: .init(maximum: 0)), true, true),
    row("deeper", .init(depth: .init(minimum: 1)), false, false),
    row("network", .init(networks: ["10.0.0.0/8"]), true, true),
    row("other network", .init(networks: ["192.168.0.0/16", "unix"]), false, false),
    row("time", .init(times: ["Mon 11:00-13:00"]), true, true),
    row("other time", .init(times: ["Tue 11:00-13:00"]), false, false),
    row(
      "both keys", .init(commands: ["DO"], tables: ["a.x"]), commands: ["DO"], reads: ["a.y"],
      false, false),
  ]

  private static func row(
    _ name: String, _ match: StatementMatch, commands: [String] = [], reads: [String] = [],
    writes: [String] = [], columns: [String] = [], functions: [String] = [], known: [String] = [],
    calls: [(String, StatementEffects)] = [], opacity: StatementFacts.Opacity? = nil,
    unfiltered: Bool = false, settings: [String] = [],
    _ denies: Bool, _ allows: Bool
  ) -> Row {
    Row(
      name: name, match: match,
      facts: Sample.facts(
        .session, commands, reads: reads, writes: writes, columns: columns, functions: functions,
        known: known, calls: calls, opacity: opacity, unfiltered: unfiltered, settings: settings),
      denies: denies, allows: allows)
  }

  @Test(arguments: rows) func denies(row: Row) {
    let every = Sample.grant(StatementEffects(StatementEffect.allCases))
    let policy = [Sample.policy([every], [Sample.deny(row.match)])]
    #expect((Sample.decide(policy, row.facts).verdict == .deny) == row.denies)
  }

  @Test(arguments: rows) func allows(row: Row) {
    var match = row.match
    match.effects = .session
    let rule = PolicyRule(name: "a", action: .allow(match))
    let policy = [Sample.policy([Sample.grant(EffectList.all)], [rule])]
    #expect((Sample.decide(policy, row.facts).verdict == .allow) == row.allows)
  }

  @Test func addressThatIsNotUnderstoodIsInEveryNetworkThatRefuses() {
    let match = StatementMatch(networks: ["10.0.0.0/8"])
    let request = Sample.request(address: "somewhere")
    let grant = Sample.grant(.read)
    let denied = Sample.decide(
      [Sample.policy([grant], [Sample.deny(match)])], Sample.select, request)
    #expect(denied.verdict == .deny)
    var narrow = grant
    narrow.when.networks = ["0.0.0.0/0"]
    #expect(Sample.decide([Sample.policy([narrow])], Sample.select, request).verdict == .deny)
  }
}
