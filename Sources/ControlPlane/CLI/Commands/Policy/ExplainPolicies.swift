import APIModel
import ArgumentParser
import Foundation
import GatewayModel
import PolicyEngine
import StatementAnalysis

struct ExplainPolicies: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say what policies decide of one statement, and why each grant and rule does.",
    discussion: """
      With files it asks no control plane; without, it is about what is in force, and labels are \
      those of the connection.

      Examples:
        sallyport policy explain --as alice@example.com --group analysts --connection orders \\
          "DELETE FROM orders"
        sallyport policy explain --as bob --group dba --connection orders --label env=prod \\
          "DROP TABLE orders" policies/
      """)

  @Option(name: .customLong("as"), help: "The subject, such as alice@example.com.")
  var subject: String

  @Option(help: "A group of it. May be repeated.")
  var group: [String] = []

  @Option(help: "user, service or ai_agent.")
  var kind: String = Principal.Kind.user.rawValue

  @Option(
    help: ArgumentHelp(
      "An actor before the subject, the current one first. May be repeated.",
      valueName: "kind:subject"))
  var actor: [String] = []

  @Option(help: "The connection's name.")
  var connection: String

  @Option(help: ArgumentHelp("A label of the connection.", valueName: "key=value"))
  var label: [String] = []

  @Option(help: "The database role that the client asks for.")
  var role: String?

  @Option(name: .customLong("from"), help: "The client's address.")
  var address: String = "127.0.0.1"

  @Option(help: "The client's application_name.")
  var application: String = ""

  @Option(help: "When: RFC 3339, a date, or how long ago. (default: now)")
  var at: TimeArgument?

  @Argument(help: "The SQL.")
  var sql: String

  @Argument(help: "Files, or folders with *.yaml files. (default: what is in force)")
  var files: [String] = []

  @OptionGroup var list: ListOptions

  func validate() throws {
    _ = try principal()
    _ = try labels()
  }

  /// Everything that was considered, for programs.
  struct Account: Encodable {
    struct Entry: Encodable {
      var isAllowed: Bool
      var policy: String?
      var grant: String?
      var role: String?
      var reason: String?
      var steps: [ExplanationStep]
    }

    struct Statement: Encodable {
      var facts: StatementFactsText
      var decision: PolicyDecision
      var steps: [ExplanationStep]
    }

    var entry: Entry
    /// Absent when the session does not begin.
    var statement: Statement?
  }

  func perform() async throws {
    let (policies, labels) = try await policies()
    let request = EntryRequest(
      principal: try principal().0, actors: try principal().1, connection: connection,
      labels: labels, requestedRole: role, clientAddress: Self.withPort(address),
      application: application, at: time)
    let set = PolicySet(policies)
    let entry = set.explainEntry(request)
    var explanation: Explanation?
    if case .allow(_, _, let role) = entry.decision {
      explanation = set.session(request, role: role)
        .explain(StatementAnalysis.facts(of: sql), at: request.at)
    }
    let facts = StatementFactsText(StatementAnalysis.facts(of: sql))
    switch list.format {
    case .json:
      let statement = explanation.map {
        Account.Statement(facts: facts, decision: $0.decision, steps: $0.steps)
      }
      try StandardOutput.line(
        JSONText.pretty(Account(entry: Account.Entry(entry), statement: statement)))
    case .table:
      var text = entry.text
      if let explanation { text += "\n\n\(facts.line)\n\(explanation.text)" }
      try StandardOutput.line(EscapedText.block(text))
    }
  }

  private var time: WallTime {
    let date = at.flatMap { TimeText.date($0.rfc3339) } ?? Date()
    return WallTime(date)
  }

  private func policies() async throws -> ([PolicyDocument], [String: String]) {
    let given = try labels()
    guard files.isEmpty else {
      return (try PolicyFiles(files).reading().documents.map(\.document), given)
    }
    return try await APIClient.withClient(ConfigurationSource().load()) { client in
      let policies = try await client.policies().policies()
      guard given.isEmpty else { return (policies, given) }
      let connection: ConnectionInfo = try await client.get(Routes.connections, [connection])
      return (policies, connection.labels)
    }
  }

  private func principal() throws -> (Principal, ActorChain) {
    guard let kind = Principal.Kind(rawValue: kind) else {
      throw ValidationError("--kind \"\(kind)\" is not user, service or ai_agent.")
    }
    let principal = Principal(issuer: "explain", subject: subject, groups: group, kind: kind)
    var chain = ActorChain(principal: principal)
    chain.actors = try actor.map(Self.actor) + chain.actors
    return (principal, chain)
  }

  private static func actor(_ text: String) throws -> Actor {
    let parts = text.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, let kind = Principal.Kind(rawValue: String(parts[0])) else {
      throw ValidationError("--actor \"\(text)\": write it such as ai_agent:report-bot.")
    }
    return Actor(subject: String(parts[1]), kind: kind, verified: true)
  }

  private func labels() throws -> [String: String] {
    var labels: [String: String] = [:]
    for text in label {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw ValidationError("--label \"\(text)\": write it such as env=prod.")
      }
      labels[String(parts[0])] = String(parts[1])
    }
    return labels
  }

  /// An address as sessions have it.
  private static func withPort(_ address: String) -> String {
    if address == "unix" || address.hasPrefix("[") { return address }
    let colons = address.count { $0 == ":" }
    if colons == 1 { return address }
    return colons == 0 ? "\(address):0" : "[\(address)]:0"
  }
}

extension ExplainPolicies.Account.Entry {
  init(_ explanation: EntryExplanation) {
    switch explanation.decision {
    case .allow(let policy, let grant, let role):
      self.init(
        isAllowed: true, policy: policy, grant: grant, role: role, steps: explanation.steps)
    case .deny(_, let detail):
      self.init(isAllowed: false, reason: detail, steps: explanation.steps)
    }
  }
}

/// What a statement's text says of itself, as policies see it.
struct StatementFactsText: Encodable {
  var commands: [String]
  var effects: [String]
  var tables: [String]
  var columns: [String]
  var functions: [String]
  var opacity: String?
  var isUnfiltered: Bool
  var settings: [String]

  init(_ facts: StatementFacts) {
    commands = facts.commands
    effects = facts.effects.effects.map(\.rawValue)
    tables = facts.tables.map { "\($0.name) (\($0.access.rawValue))" }
    columns = facts.columns.map { $0.parts.joined(separator: ".") }
    functions = facts.functions.map { "\($0)" }
    opacity = facts.opacity?.rawValue
    isUnfiltered = facts.isUnfiltered
    settings = facts.settings
  }

  /// `DELETE: effects read, write; tables orders (write); unfiltered`.
  var line: String {
    var parts: [String] = []
    func add(_ name: String, _ items: [String]) {
      if !items.isEmpty { parts.append("\(name) \(items.joined(separator: ", "))") }
    }
    add("effects", effects)
    add("tables", tables)
    add("functions", functions)
    add("settings", settings)
    if isUnfiltered { parts.append("unfiltered") }
    if let opacity { parts.append("opaque (\(opacity))") }
    let command = commands.isEmpty ? "the text" : commands.joined(separator: ", ")
    return "\(command): \(parts.isEmpty ? "no effects" : parts.joined(separator: "; "))"
  }
}

extension WallTime {
  /// To the microsecond; what is out of its range is cut.
  init(_ date: Date) {
    let microseconds = (date.timeIntervalSince1970 * 1e6).rounded()
    let range = -9.2e15...9.2e15
    let bounded = min(max(microseconds, range.lowerBound), range.upperBound)
    self.init(unixNanoseconds: Int64(bounded) * 1000)
  }
}
