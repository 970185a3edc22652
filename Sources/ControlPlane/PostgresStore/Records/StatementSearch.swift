internal import ControlCore
internal import GatewayModel

/// The SQL of a question for statements: conditions with their parameters.
///
/// Where a question is met in one of two ways that exclude each other (a chain of actors has the
/// subject, or there is no session and the subject is the principal), each way becomes a query of
/// its own, so that each can use its own index; an OR could use none.
struct StatementSearch {
  private(set) var conditions: [String] = []
  private(set) var values: [SQLValue] = []
  /// Groups of conditions of which one each must hold; no row meets two of a group.
  private(set) var alternatives: [[String]] = []

  /// Conditions on the row `s`.
  init(_ query: StatementQuery) {
    addPeople(query)
    addPlaces(query)
    if let since = query.since { add("s.at >= ", .time(since)) }
    if let until = query.until { add("s.at < ", .time(until)) }
    addVerdict(query)
    if !query.digests.isEmpty {
      conditions.append("s.digest = ANY (\(place(.byteStrings(query.digests))))")
    }
    addFacts(query)
    addWords(query.words)
  }

  private mutating func addPeople(_ query: StatementQuery) {
    addAny("s.principal", query.principals.map(IndexedText.clipped))
    if !query.actors.isEmpty {
      addChain(
        "n.chain_subjects && \(place(.texts(query.actors.map(IndexedText.subject))))",
        orPrincipal: query.actors)
    }
    if !query.roots.isEmpty {
      addChain(
        "n.root_subject = ANY (\(place(.texts(query.roots.map(IndexedText.subject)))))",
        orPrincipal: query.roots)
    }
  }

  /// A condition on the session `n`; a refused entry has none, and its principal is the chain.
  private mutating func addChain(_ condition: String, orPrincipal subjects: [String]) {
    let clipped = place(.texts(subjects.map(IndexedText.clipped)))
    alternatives.append([
      "EXISTS (SELECT FROM sallyport.session n WHERE n.id = s.session AND n.agent = s.agent "
        + "AND \(condition))",
      "s.session IS NULL AND s.principal = ANY (\(clipped))",
    ])
  }

  private mutating func addPlaces(_ query: StatementQuery) {
    addAny("s.connection", query.connections.map(IndexedText.clipped))
    if let prefix = query.agentPrefix, let range = IdentifierRange(prefix: prefix) {
      add("s.agent >= ", .identifier(range.first))
      add("s.agent <= ", .identifier(range.last))
    }
    if !query.segments.isEmpty {
      conditions.append(
        "s.agent IN (SELECT a.id FROM sallyport.agent a "
          + "WHERE a.segment = ANY (\(place(.texts(query.segments)))))")
    }
    if let session = query.session { add("s.session = ", .identifier(session.value)) }
  }

  private mutating func addVerdict(_ query: StatementQuery) {
    switch query.decision {
    case .allowed: conditions.append("s.outcome <> 'refused'")
    case .refused: conditions.append("s.outcome = 'refused'")
    case nil: break
    }
    addAny("s.rule", query.rules)
    addAny("s.policy", query.policies)
    if query.staleOnly { conditions.append("s.policy_stale") }
    if query.observedOnly { conditions.append("s.observed IS NOT NULL") }
    addAny("s.outcome", query.outcomes.map(\.rawValue))
    if let rows = query.rowsOver { add("s.rows > ", .integer(rows)) }
    guard !query.sqlstates.isEmpty else { return }
    let states = query.sqlstates.filter { $0.utf8.count == 5 }
    let classes = query.sqlstates.filter { $0.utf8.count == 2 }
    var tests: [String] = []
    if !states.isEmpty { tests.append("s.sqlstate = ANY (\(place(.texts(states))))") }
    if !classes.isEmpty {
      tests.append("left(s.sqlstate, 2) = ANY (\(place(.texts(classes))))")
    }
    conditions.append("s.sqlstate IS NOT NULL AND (\(tests.joined(separator: " OR ")))")
  }

  /// What the analysis of the text says.
  private mutating func addFacts(_ query: StatementQuery) {
    let groups = [
      query.tables.map(FactKey.table), query.commands.map(FactKey.command),
      query.effects.map(FactKey.effect),
    ].filter { !$0.isEmpty }
    guard !groups.isEmpty else { return }
    let tests = groups.map { "f.keys && \(place(.texts($0)))" }.joined(separator: " AND ")
    let facts =
      "EXISTS (SELECT FROM sallyport.statement_facts f WHERE f.digest = s.digest AND \(tests))"
    guard query.tables.isEmpty, query.effects.isEmpty else {
      conditions.append(facts)
      return
    }
    // Of a text without facts the server's command tag says what ran, if it said it.
    let tags = place(.texts(query.commands))
    let prefixes = place(.texts(query.commands.map { "\($0) %" }))
    alternatives.append([
      facts,
      "s.digest IN (SELECT t.digest FROM sallyport.statement_text t WHERE t.analysis <> 1 "
        + "UNION ALL SELECT f.digest FROM sallyport.statement_facts f "
        + "WHERE f.failure IS NOT NULL) "
        + "AND (s.command_tag = ANY (\(tags)) OR s.command_tag LIKE ANY (\(prefixes)))",
    ])
  }

  private mutating func addWords(_ words: [String]) {
    guard !words.isEmpty else { return }
    let tests = words.map { word in
      "lower(t.text) LIKE lower(\(place(.text(LikePattern.containing(word)))))"
    }.joined(separator: " AND ")
    // Said for each state of the text: the index of words has those of state 1 alone.
    conditions.append(
      "EXISTS (SELECT FROM sallyport.statement_text t WHERE t.digest = s.digest AND "
        + "((t.analysis = 1 AND \(tests)) OR (t.analysis <> 1 AND \(tests))))")
  }

  /// The conditions of each query that the question takes; their rows are all different.
  var branches: [String] {
    alternatives.reduce([conditions]) { branches, group in
      branches.flatMap { branch in group.map { branch + [$0] } }
    }.map { $0.isEmpty ? "true" : $0.joined(separator: " AND ") }
  }

  private mutating func place(_ value: SQLValue) -> String {
    values.append(value)
    return "$\(values.count)"
  }

  /// Adds that a column has one of some texts; nothing for none.
  private mutating func addAny(_ column: String, _ texts: [String]) {
    guard let first = texts.first else { return }
    // A comparison with one value keeps the order of an index that goes on with the time.
    conditions.append(
      texts.count == 1
        ? "\(column) = \(place(.text(first)))" : "\(column) = ANY (\(place(.texts(texts))))")
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
