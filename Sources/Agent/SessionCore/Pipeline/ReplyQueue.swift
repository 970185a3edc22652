internal import GatewayModel
internal import NIOCore

/// What the server still has to answer, in the order in which it will.
///
/// Keeps PostgreSQL's rules of what is answered at all: after an error everything up to the next
/// Sync is discarded; what the server reads while it takes COPY data is swallowed
/// (``failCopyIn()``). No step takes longer the more is queued, but by what it takes off.
struct ReplyQueue: Equatable, Sendable {
  enum Kind: Hashable, Sendable {
    case parse
    case bind
    case close
    case describeStatement
    case describePortal
    case execute
    case query
    case functionCall
    case sync
    /// CopyDone or CopyFail: answered by nothing, ends the messages read as COPY data.
    case copyEnd
    /// A Flush with a body: an error, but while the server takes COPY data.
    case malformedFlush
    /// A message that the server can only answer with an error.
    case malformed
    /// Something that must fail stands at the server in place of what was refused.
    case refusedParse
    case refusedBind
    case refusedExecute
    case refusedQuery
  }

  struct Entry: Equatable, Sendable {
    var kind: Kind
    /// Of an execution or a refusal.
    var statement: StatementID?
    /// When it was forwarded.
    var since: MonotonicTime
    /// Rises with each entry.
    var number: UInt64
    /// A Sync with a body is answered with an error before its ReadyForQuery.
    var isMalformed = false
  }

  private var entries = CircularBuffer<Entry>(initialCapacity: 16)
  /// How many of them are executions.
  private var executions = 0
  private var lastNumber: UInt64 = 0
  /// The server discards what comes until a Sync, and none has been sent.
  private(set) var isSkipping = false
  /// The server takes COPY data for the first entry.
  private(set) var isCopyingIn = false
  /// Syncs among the data of that COPY: they are not queued.
  private var syncsInCopy = 0
  /// A Sync or Flush with a body is among the data of that COPY.
  private var hasMalformedInCopy = false
  /// Syncs that were swallowed by a COPY that failed, or are answered with a ReadyForQuery each
  /// before the first entry that is no Sync: only the replies will say.
  private(set) var possibleReadies = 0
  /// Whether a reply to the first entry has come.
  private(set) var isHeadAnswered = false

  var count: Int { entries.count }

  /// The entry that the next reply answers.
  var head: Entry? { entries.first }

  /// The entry that was queued last.
  var newest: Entry? { entries.last }

  /// Looks through the queue: for when a cancel comes, not for each message.
  func first(where isWanted: (Entry) -> Bool) -> Entry? { entries.first(where: isWanted) }

  /// Whether the server executes something, or will.
  var hasExecution: Bool { executions > 0 }

  /// Whether the server discards what the client sends now, or takes a Sync in the data of the COPY
  /// that failed for the end of that: only a ReadyForQuery or the client's next Sync will settle
  /// it.
  var isUncertain: Bool { isSkipping && possibleReadies > 0 }

  /// Whether answers come without more from the client.
  ///
  /// While the server takes COPY data none comes before the end of that, or a message that cannot
  /// stand in it; that of an extended COPY comes with the Sync behind it, which is looked for only
  /// near.
  var answersByItself: Bool {
    guard isCopyingIn else { return true }
    guard let next = entries.dropFirst().first else { return false }
    return next.kind != .copyEnd || head?.kind == .query
      || entries.prefix(16).contains { $0.kind == .sync }
  }

  /// Whether the server reads what the client sends now as COPY data, unless the COPY has failed.
  private var readsCopyData: Bool { isCopyingIn && entries.count == 1 }

  /// Queues what was just forwarded; `false` when the server discards it.
  mutating func append(
    _ kind: Kind, statement: StatementID? = nil, isMalformed: Bool = false, at now: MonotonicTime
  ) -> Bool {
    switch kind {
    case .sync where readsCopyData, .malformedFlush where readsCopyData:
      swallow(kind, isMalformed: isMalformed)
      return true
    case .sync: isSkipping = false
    case .copyEnd:
      // Stray outside COPY: the server ignores it.
      guard !isSkipping, hasExecution else { return false }
    default: guard !isSkipping else { return false }
    }
    lastNumber &+= 1
    entries.append(
      Entry(
        kind: kind, statement: statement, since: now, number: lastNumber,
        isMalformed: isMalformed))
    if kind.isExecution { executions += 1 }
    return true
  }

  mutating func removeHead() -> Entry? {
    guard let entry = removeFirst() else { return nil }
    while entries.first?.kind == .copyEnd { _ = removeFirst() }
    return entry
  }

  /// After an error of an extended message: takes off what the server discards.
  mutating func skipToSync() -> [Entry] {
    var skipped: [Entry] = []
    while let entry = entries.first, entry.kind != .sync {
      _ = removeFirst()
      if entry.kind != .copyEnd { skipped.append(entry) }
    }
    isSkipping = entries.isEmpty
    return skipped
  }

  /// A reply came that no Sync has: Syncs that may have been answered were, or never will be.
  mutating func noteReply() {
    guard !entries.isEmpty else { return }
    possibleReadies = 0
    isHeadAnswered = true
  }

  /// Whether a ReadyForQuery that comes now is that of a Sync that may have been swallowed.
  ///
  /// Syncs that are answered for certain come first: which of two answers is whose makes no
  /// difference, only how many there are. But one with a body gets an error before its answer.
  var hasPossibleReadyAtHead: Bool {
    guard possibleReadies > 0 else { return false }
    guard let head else { return true }
    return !isHeadAnswered && (head.kind != .sync || head.isMalformed)
  }

  /// A Sync was answered: whatever the server discarded, it does so no more.
  mutating func takePossibleReady() {
    possibleReadies = max(0, possibleReadies - 1)
    isSkipping = false
  }

  /// Takes everything off, at the end of the session.
  mutating func removeAll() -> [Entry] {
    let left = Array(entries)
    self = ReplyQueue()
    return left
  }

  private mutating func removeFirst() -> Entry? {
    guard let entry = entries.popFirst() else { return nil }
    if entry.kind.isExecution { executions -= 1 }
    isHeadAnswered = false
    if isCopyingIn { leaveCopyIn() }
    return entry
  }
}

/// COPY from the client. The server swallows Sync and Flush while it reads data.
extension ReplyQueue {
  /// CopyInResponse: Syncs that were sent behind the execution are read as part of its COPY.
  ///
  /// What comes behind them is the end of the data, or what the server ends the session for.
  mutating func beginCopyIn() {
    isCopyingIn = true
    var read = 0
    for entry in entries.dropFirst() {
      guard entry.kind == .sync || entry.kind == .malformedFlush else { break }
      swallow(entry.kind, isMalformed: entry.isMalformed)
      read += 1
    }
    removeBehindHead(read)
  }

  /// The COPY of the first entry completed: the server has read it up to the CopyDone.
  mutating func completeCopyIn() {
    guard isCopyingIn else { return }
    leaveCopyIn()
    if entries.dropFirst().first?.kind == .copyEnd { removeBehindHead(1) }
  }

  /// The COPY of the first entry failed.
  ///
  /// At its end, or at some of its data, or by a cancel: the error does not say where. Until then
  /// the server has swallowed the Syncs, from there on it answers them: how many they are shows as
  /// ``possibleReadies``. In the extended protocol the first that it answers also ends what it
  /// discards: no message may stand before the client's next Sync whose fate depends on that.
  ///
  /// - Returns: Whether the answers to what is queued can be told apart.
  mutating func failCopyIn() -> Bool {
    let syncs = syncsInCopy
    let isMalformed = hasMalformedInCopy
    leaveCopyIn()
    possibleReadies = syncs
    guard !isMalformed else { return false }
    guard syncs > 0, head?.kind == .execute else { return true }
    let next = entries.dropFirst().first { $0.kind != .copyEnd }
    return next == nil || next?.kind == .sync
  }

  private mutating func swallow(_ kind: Kind, isMalformed: Bool) {
    if kind == .sync { syncsInCopy += 1 }
    if kind != .sync || isMalformed { hasMalformedInCopy = true }
  }

  private mutating func leaveCopyIn() {
    isCopyingIn = false
    syncsInCopy = 0
    hasMalformedInCopy = false
  }

  /// Takes off entries that follow the first, none of them an execution.
  private mutating func removeBehindHead(_ count: Int) {
    guard count > 0, let head = entries.first else { return }
    entries.removeFirst(min(count + 1, entries.count))
    entries.prepend(head)
  }
}
