import GatewayModel

@testable import PolicyEngine

/// Random policies and statements over few names, so that they meet.
struct PolicyWalk {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// Marsaglia's xorshift.
  private mutating func next(below bound: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state >> 33) % bound
  }

  private mutating func pick<Value>(_ values: [Value]) -> Value {
    values[next(below: values.count)]
  }
  private mutating func chance(_ outOf: Int) -> Bool { next(below: outOf) == 0 }

  private mutating func some<Value>(_ values: [Value], _ outOf: Int = 3) -> [Value] {
    chance(outOf) ? (0...next(below: 2)).map { _ in pick(values) } : []
  }

  private static let tables: [TablePattern] = ["public.a", "public.*", "b", "*", "x.a"]
  private static let windows: [TimeWindow] = ["11:00-13:00", "13:00-11:00"]

  mutating func effects() -> StatementEffects {
    StatementEffects((0...next(below: 3)).map { _ in pick(StatementEffect.allCases) })
  }

  mutating func selector() -> PrincipalSelector {
    switch next(below: 5) {
    case 0: PrincipalSelector(users: ["alice"])
    case 1: PrincipalSelector(groups: ["dba", "ops"])
    case 2: PrincipalSelector(agents: ["bot"])
    case 3: PrincipalSelector(subjects: ["a*"], kinds: [pick([.user, .aiAgent])])
    default: .everybody
    }
  }

  mutating func grant(_ name: String) -> PolicyGrant {
    var grant = PolicyGrant(
      name: name, mode: chance(5) ? .observe : .enforce, to: selector(),
      role: pick(["app", "app", "ro"]),
      effects: chance(3) ? EffectList.all : effects())
    grant.tables = some(Self.tables, 4)
    grant.functions = some(Self.tables, 4)
    if chance(4) { grant.when.times = [pick(Self.windows)] }
    if chance(4) { grant.maximumDepth = next(below: 2) }
    if chance(3) { grant.limits.maximumRows = next(below: 9) + 1 }
    if chance(8) { grant.limits.statementTimeout = "15s" }
    return grant
  }

  mutating func match() -> StatementMatch {
    let match = anyMatch()
    return match.isEmpty ? StatementMatch(commands: ["*"]) : match
  }

  private mutating func anyMatch() -> StatementMatch {
    StatementMatch(
      effects: chance(2) ? effects() : [], commands: some(["SELECT", "D*"]),
      tables: some(Self.tables), reads: some(Self.tables, 6), writes: some(Self.tables, 6),
      columns: some(["public.a.id", "email"], 6), functions: some(["f", "app.*"], 6),
      opaque: chance(6) ? chance(2) : nil, unfiltered: chance(6) ? chance(2) : nil,
      settings: some(["search_path"], 8), times: some(Self.windows, 6),
      networks: some(["10.0.0.0/8", "::/0"], 6), kinds: some([.user, .aiAgent], 6))
  }

  mutating func rule(_ name: String) -> PolicyRule {
    let action: PolicyRule.Action =
      switch next(below: 8) {
      case 0, 1, 2: .deny(match())
      case 3: .hold(match(), HoldTerms())
      case 4, 5, 6: .allow(allowed())
      default: .mask(ColumnMask(columns: ["public.a.id"], with: "null"))
      }
    return PolicyRule(
      name: name, mode: chance(4) ? .observe : .enforce, to: chance(3) ? selector() : nil,
      except: chance(4) ? selector() : nil, action: action)
  }

  private mutating func allowed() -> StatementMatch {
    var match = match()
    if match.effects.isEmpty { match.effects = effects() }
    return match
  }

  mutating func document(_ name: String) -> PolicyDocument {
    PolicyDocument(
      name: name, mode: chance(6) ? .observe : .enforce,
      on: ConnectionScope(connections: some(["orders", "b*"], 4)),
      grants: (0..<next(below: 4)).map { grant("g\($0)") },
      rules: (0..<next(below: 5)).map { rule("r\($0)") })
  }

  mutating func documents() -> [PolicyDocument] {
    (0...next(below: 2)).map { document("p\($0)") }
  }

  mutating func facts() -> StatementFacts {
    Sample.facts(
      effects(), [pick(["SELECT", "DELETE", "DO"])], reads: some(["a", "public.a", "x.a"], 2),
      writes: some(["b", "public.b"], 2), columns: some(["id", "*", "email"], 2),
      functions: some(["f", "app.f"], 3), calls: some([("setval", .write), ("now", [])], 3),
      opacity: chance(6) ? .code : nil, unfiltered: chance(4), openEnded: chance(8),
      settings: some(["search_path", "statement_timeout", "*"], 6))
  }

  mutating func request() -> EntryRequest {
    Sample.request(
      pick(["alice", "bob"]), groups: some(["dba", "x"], 2),
      actors: chance(3) ? [("bot", .aiAgent), ("alice", .user)] : nil,
      address: pick(["10.0.0.1:1", "[::1]:1", "?"]), at: Sample.time(pick([0, 5])))
  }
}
