internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// A prepared statement as Parse gave it.
struct PreparedStatement: Equatable, Sendable {
  var text: ByteBuffer
  /// Equal numbers mean equal texts.
  var version: UInt64
  /// What running the text may change.
  var changes: SQLChanges
  /// Known in power-safe sessions only.
  var reach: StatementReach
  var parameterOIDs: [UInt32]
  /// What it is judged by at each execution.
  var understood: UnderstoodText

  /// With what an entry of the tables takes, as measured.
  var retainedBytes: Int { text.storageCapacity + parameterOIDs.count * 4 + 400 }
}

/// A prepared statement bound to parameters.
struct Portal: Equatable, Sendable {
  var statementName: WireName
  /// `nil` when the statement was not made by Parse.
  var statement: PreparedStatement?
  var parameters: [StatementParameter]
  let retainedBytes: Int
  /// Tells portals of one name apart.
  let number: UInt64
  /// Summed once: there can be 65,535, and an Execute in every ten bytes.
  let parametersBytes: Int
  /// What it is judged by.
  var understood: UnderstoodText { statement?.understood ?? .unknown }
  /// What Executes with a row limit have returned of it so far; counted where rows are limited.
  var returnedRows = 0

  init(
    statementName: WireName, statement: PreparedStatement?, parameters: [StatementParameter],
    number: UInt64
  ) {
    self.number = number
    self.statementName = statementName
    self.statement = statement
    self.parameters = parameters
    // The text counts too: the statement can be closed while its portal stays.
    parametersBytes = parameters.reduce(0) { $0 + $1.retainedBytes }
    retainedBytes = parametersBytes + 400 + (statement?.text.storageCapacity ?? 0)
  }
}

/// Which text a name stands for at the server.
///
/// The server's view moves only as it answers: what a Parse, Bind or Close changes counts once
/// its reply is there, and not at all when it failed or was discarded. Until then a change holds
/// for the messages up to the next Sync, since they fail with it. Behind that Sync it is not known
/// what the name stands for: the session waits (``Lookup/unsettled``). Otherwise a client could
/// have one text recorded and another one run, by letting a Parse be discarded.
///
/// SQL can give a name to another text too (``noteCommand(tag:)``). A name that is looked up while
/// such SQL has no answer is not settled either, or where no answer comes before the client's next
/// Sync, not known: an empty text is better than a wrong one.
struct StatementCatalogue: Sendable {
  enum Change: Equatable, Sendable {
    case prepare(WireName, PreparedStatement)
    case bind(WireName, Portal)
    case closeStatement(WireName)
    case closePortal(WireName)
    /// Describe of a statement: changes its parameter types at most.
    case describe(WireName)
    case none
  }

  enum Lookup<Value> {
    case known(Value?)
    /// Depends on replies that have not come.
    case unsettled

    var isKnown: Bool { if case .known = self { true } else { false } }
    /// `nil` also where it is not known: the record has no text then.
    var value: Value? { if case .known(let value) = self { value } else { nil } }
  }

  /// The newest change to a name that has no reply.
  private struct Latest<Value: Sendable>: Sendable {
    var number: UInt64
    var segment: UInt64
    /// `nil` after Close.
    var value: Value?
  }

  private var statements = NameTable<PreparedStatement>()
  private var portals = NameTable<Portal>()
  private var latestStatements = NameTable<Latest<PreparedStatement>>()
  private var latestPortals = NameTable<Latest<Portal>>()
  /// Changes without a reply, in the order of their messages.
  private var pending = CircularBuffer<Change>(initialCapacity: 8)
  private var firstPending: UInt64 = 0
  /// Rises with each Sync.
  private var segment: UInt64 = 0
  private var lastVersion: UInt64 = 0
  private var lastPortal: UInt64 = 0
  private var underWay = ChangesUnderWay()
  /// Of Executes that have no answer, where rows are counted.
  private var executedPortals: [StatementID: WireName] = [:]
  /// A statement was deallocated, or a cursor closed, by SQL: see ``noteCommand(tag:)``.
  private var hasDeallocated = false
  private var hasClosedCursor = false
  /// Portals with names may be there that are not known any more.
  private var hasForgottenNamedPortals = false
  /// Bytes kept for texts and parameters.
  private(set) var retainedBytes = 0

  /// A prepared statement with its text in storage of its own.
  ///
  /// The unnamed statement is prepared again and again with the same text by many clients: then
  /// the text already there is taken.
  mutating func prepared(
    name: WireName, text: ByteBuffer, isOwned: Bool, parameterOIDs: [UInt32],
    understood: UnderstoodText, judgingReach: Bool = false
  ) -> PreparedStatement {
    if let known = known(name, text: text) {
      return PreparedStatement(
        text: known.text, version: known.version, changes: known.changes, reach: known.reach,
        parameterOIDs: parameterOIDs, understood: known.understood)
    }
    lastVersion &+= 1
    // A short text in a long message would keep all of it.
    let isMostOfIt = text.storageCapacity / 2 <= text.readableBytes
    let kept = isOwned && isMostOfIt ? text : ByteBuffer(bytes: text.readableBytesView)
    return PreparedStatement(
      text: kept, version: lastVersion, changes: SQLChanges(in: kept),
      reach: judgingReach ? StatementReach(of: kept) : .beyond, parameterOIDs: parameterOIDs,
      understood: understood)
  }

  /// What stands under this name when it has this text.
  func known(_ name: WireName, text: ByteBuffer) -> PreparedStatement? {
    let known = latestStatements[name]?.value ?? statements[name]
    return known?.text == text ? known : nil
  }

  mutating func endSegment() { segment &+= 1 }

  /// The number of the next portal.
  mutating func nextPortal() -> UInt64 {
    lastPortal &+= 1
    return lastPortal
  }

  func statement(_ name: WireName) -> Lookup<PreparedStatement> {
    let latest = latestStatements[name]
    if let latest, latest.segment != segment { return .unsettled }
    guard let value = latest.map(\.value) ?? statements[name] else { return .known(nil) }
    guard !name.isUnnamed, let change = underWay.statementNames, value.version <= change.version
    else { return .known(value) }
    return change.segment == segment ? .known(nil) : .unsettled
  }

  func portal(_ name: WireName) -> Lookup<Portal> {
    let latest = latestPortals[name]
    if let latest, latest.segment != segment { return .unsettled }
    guard let value = latest.map(\.value) ?? portals[name] else { return .known(nil) }
    guard !name.isUnnamed, let change = underWay.portalNames, value.number <= change.portal
    else { return .known(value) }
    return change.segment == segment ? .known(nil) : .unsettled
  }

  /// Whether portals have names that FETCH and MOVE can say.
  var hasNamedPortals: Bool {
    !portals.namedValues.isEmpty || !latestPortals.namedValues.isEmpty || hasForgottenNamedPortals
  }

  /// What may stand behind the portals that have names; `nil` when it is not known, or there are more
  /// than `limit`.
  ///
  /// With those whose Bind has no reply: whether they, or what closes them, will be done is not known.
  func textsOfNamedPortals(limit: Int) -> [UnderstoodText]? {
    guard !hasForgottenNamedPortals, portals.namedValues.count <= limit else { return nil }
    var texts = portals.namedValues.map(\.understood)
    for case .bind(let name, let portal) in pending where !name.isUnnamed {
      guard texts.count < limit else { return nil }
      texts.append(portal.understood)
    }
    return texts
  }

  /// Whether a text that is sent now may be read by settings that the server has yet to tell of.
  ///
  /// Behind a change in the same segment the client cannot be made to wait: there the session ends
  /// as the server reports the change.
  var isParserUnsettled: Bool {
    guard let change = underWay.parserSettings else { return false }
    return change.segment != segment
  }

  /// An execution was forwarded whose text may change something.
  ///
  /// - Parameter needsSync: Whether it is answered for certain only behind a Sync.
  mutating func began(_ changes: SQLChanges, by statement: StatementID, needsSync: Bool) {
    underWay.begin(
      changes,
      by: ChangesUnderWay.Newest(
        statement: statement, segment: needsSync ? segment : nil, version: lastVersion,
        portal: lastPortal))
  }

  /// The server has discarded an execution: it changes nothing.
  mutating func discarded(_ statement: StatementID) {
    ended(statement)
    underWay.ready()
  }

  /// The server has answered an execution.
  mutating func ended(_ statement: StatementID) {
    underWay.end(statement)
    if !executedPortals.isEmpty { executedPortals[statement] = nil }
  }

  /// ReadyForQuery.
  mutating func ready() { underWay.ready() }

  /// An Execute of this portal was forwarded, and its rows are counted.
  mutating func began(_ statement: StatementID, executing portal: WireName) {
    executedPortals[statement] = portal
  }

  /// What earlier Executes of the portal have returned that the server executes with this one.
  func rowsReturned(before statement: StatementID) -> Int {
    executedPortals[statement].flatMap { portals[$0]?.returnedRows } ?? 0
  }

  /// The server has suspended the portal that it executed with this.
  mutating func suspended(_ statement: StatementID, rows: Int) {
    guard let name = executedPortals[statement] else { return }
    portals[name]?.returnedRows &+= rows
  }

  /// A message was forwarded that makes this change when the server does it.
  mutating func append(_ change: Change) {
    let number = firstPending &+ UInt64(pending.count)
    pending.append(change)
    switch change {
    case .prepare(let name, let statement):
      retainedBytes += statement.retainedBytes
      latestStatements[name] = Latest(number: number, segment: segment, value: statement)
    case .bind(let name, let portal):
      retainedBytes += portal.retainedBytes
      latestPortals[name] = Latest(number: number, segment: segment, value: portal)
    case .closeStatement(let name):
      latestStatements[name] = Latest(number: number, segment: segment, value: nil)
    case .closePortal(let name):
      latestPortals[name] = Latest(number: number, segment: segment, value: nil)
    case .describe, .none: break
    }
  }

  /// The server has done the oldest change, or it failed or was discarded.
  mutating func settle(done: Bool) {
    guard let change = pending.popFirst() else { return }
    let number = firstPending
    firstPending &+= 1
    switch change {
    case .prepare(let name, let statement):
      if latestStatements[name]?.number == number { latestStatements[name] = nil }
      if done {
        set(statement: statement, name)
      } else {
        retainedBytes -= statement.retainedBytes
      }
    case .bind(let name, let portal):
      if latestPortals[name]?.number == number { latestPortals[name] = nil }
      if done { set(portal: portal, name) } else { retainedBytes -= portal.retainedBytes }
    case .closeStatement(let name):
      if latestStatements[name]?.number == number { latestStatements[name] = nil }
      if done { set(statement: nil, name) }
    case .closePortal(let name):
      if latestPortals[name]?.number == number { latestPortals[name] = nil }
      if done { set(portal: nil, name) }
    case .describe, .none: break
    }
  }

  /// ParameterDescription of the statement that the oldest change describes.
  mutating func describe(parameterOIDs: [UInt32]) {
    guard case .describe(let name)? = pending.first, var statement = statements[name] else {
      return
    }
    statement.parameterOIDs = parameterOIDs
    set(statement: statement, name)
    retainedBytes += statement.retainedBytes
  }

  /// A simple Query ran: the server has forgotten the unnamed statement and portal.
  mutating func forgetUnnamed() {
    set(statement: nil, .unnamed)
    set(portal: nil, .unnamed)
  }

  /// No transaction is open: all portals are gone.
  mutating func forgetPortals() {
    hasForgottenNamedPortals = false
    // No portal is left that a cursor could stand in the place of.
    hasClosedCursor = false
    dropPortals()
  }

  private mutating func dropPortals() {
    var freed = 0
    portals.removeAll { freed += $0.retainedBytes }
    retainedBytes -= freed
  }

  /// A command completed: some change by SQL what names of the protocol stand for.
  ///
  /// `PREPARE s` succeeds only when no `s` is there, so a name can come to mean another text only
  /// after a `DEALLOCATE` by SQL; the same goes for cursors and portals. Then the texts are
  /// forgotten and executions recorded with an empty one. The end of a transaction or of a part of
  /// it closes cursors too. What a DO block or a function prepares has no tag and is not seen.
  mutating func noteCommand(tag: String) {
    switch tag {
    case "DEALLOCATE ALL", "DISCARD ALL": forgetStatements()
    case "DEALLOCATE": hasDeallocated = true
    case "PREPARE":
      if hasDeallocated { forgetStatements() }
      hasDeallocated = false
    case "CLOSE CURSOR", "CLOSE CURSOR ALL", "COMMIT", "PREPARE TRANSACTION", "ROLLBACK":
      hasClosedCursor = true
    case "DECLARE CURSOR":
      if hasClosedCursor {
        if !portals.namedValues.isEmpty { hasForgottenNamedPortals = true }
        dropPortals()
      }
      hasClosedCursor = false
    default: break
    }
  }

  private mutating func forgetStatements() {
    var freed = 0
    statements.removeAll(named: true) { freed += $0.retainedBytes }
    retainedBytes -= freed
  }

  private mutating func set(statement: PreparedStatement?, _ name: WireName) {
    if let old = statements[name] { retainedBytes -= old.retainedBytes }
    statements[name] = statement
  }

  private mutating func set(portal: Portal?, _ name: WireName) {
    if let old = portals[name] { retainedBytes -= old.retainedBytes }
    portals[name] = portal
  }
}

extension StatementCatalogue.Lookup: Equatable where Value: Equatable {}
