internal import ControlCore
internal import GatewayModel

/// The SQL of a question for statements: conditions with their parameters.
struct StatementSearch {
  private(set) var conditions: [String] = []
  private(set) var values: [SQLValue] = []

  /// Conditions on the row `s`.
  init(_ query: StatementQuery) {
    if let principal = query.principal {
      add("s.principal = ", .text(IndexedText.clipped(principal)))
    }
    if let connection = query.connection {
      add("s.connection = ", .text(IndexedText.clipped(connection)))
    }
    if let prefix = query.agentPrefix, let range = IdentifierRange(prefix: prefix) {
      add("s.agent >= ", .identifier(range.first))
      add("s.agent <= ", .identifier(range.last))
    }
    if let session = query.session { add("s.session = ", .identifier(session.value)) }
    if let since = query.since { add("s.at >= ", .time(since)) }
    if let until = query.until { add("s.at < ", .time(until)) }
    if let outcome = query.outcome { add("s.outcome = ", .text(outcome.rawValue)) }
    if !query.words.isEmpty {
      // strpos and not LIKE: a word may hold '%' and '_'.
      let tests = query.words.map { word in
        values.append(.text(word))
        return "strpos(lower(t.text), lower($\(values.count))) > 0"
      }
      conditions.append(
        "EXISTS (SELECT FROM sallyport.statement_text t WHERE t.digest = s.digest AND "
          + tests.joined(separator: " AND ") + ")")
    }
  }

  /// Adds a comparison with one value.
  mutating func add(_ comparison: String, _ value: SQLValue) {
    values.append(value)
    conditions.append("\(comparison)$\(values.count)")
  }

  /// Adds that the agent of the session `n` begins with hexadecimal digits.
  mutating func add(agentPrefix prefix: String) {
    guard let range = IdentifierRange(prefix: prefix) else { return }
    add("n.agent >= ", .identifier(range.first))
    add("n.agent <= ", .identifier(range.last))
  }

  /// Adds a comparison of row values: `(columns) operator (values)`.
  mutating func add(_ columns: String, _ comparison: String, _ row: [SQLValue]) {
    let places = row.map { value in
      values.append(value)
      return "$\(values.count)"
    }
    conditions.append("(\(columns)) \(comparison) (\(places.joined(separator: ", ")))")
  }

  var condition: String {
    conditions.isEmpty ? "true" : conditions.joined(separator: " AND ")
  }
}

/// The identifiers that begin with some hexadecimal digits.
struct IdentifierRange: Equatable {
  var first: Identifier128
  var last: Identifier128

  /// `nil` unless the prefix is at most 32 hexadecimal digits, hyphens aside.
  init?(prefix: String) {
    let digits = prefix.filter { $0 != "-" }
    guard digits.count <= 32,
      let first = Identifier128(
        text: digits + String(repeating: "0", count: 32 - digits.count)),
      let last = Identifier128(text: digits + String(repeating: "f", count: 32 - digits.count))
    else { return nil }
    self.first = first
    self.last = last
  }
}
