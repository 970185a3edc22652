internal import GatewayModel
internal import NIOCore

/// What the server still has to answer, in the order in which it will.
///
/// Keeps PostgreSQL's rules of what is answered at all: after an error everything up to the next
/// Sync is discarded; what the server reads while it takes COPY data is swallowed
/// (``outcomesOfFailedCopy(limit:)``).
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
    /// A message of our own, whose answer says which reading of the replies is right.
    case probe
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
    /// Of Syncs sent one after the other while the server takes COPY data: how many they are.
    var repeats = 1
    /// A Sync with a body is answered with an error before its ReadyForQuery.
    var isMalformed = false
  }

  private var entries = CircularBuffer<Entry>(initialCapacity: 16)
  /// The server discards what comes until a Sync, and none has been sent.
  private(set) var isSkipping = false
  /// The server takes COPY data for the first entry.
  private(set) var isCopyingIn = false
  /// How many CopyDone and CopyFail are among the entries.
  private var copyEnds = 0
  /// Syncs that were swallowed by a COPY that failed, or are answered with a ReadyForQuery each
  /// before the first entry that is no Sync: only the replies will say.
  private(set) var possibleReadies = 0
  /// Whether a reply to the first entry has come.
  private(set) var isHeadAnswered = false

  var count: Int { entries.count }

  /// The first execution in the queue: what the server works on, or will next.
  var currentStatement: StatementID? { entries.first { $0.kind.isExecution }?.statement }

  /// Whether the answer of this statement is still due.
  func contains(_ statement: StatementID) -> Bool {
    entries.contains { $0.statement == statement }
  }

  /// Whether the server reads what the client sends now as COPY data, unless the COPY has failed.
  var readsCopyData: Bool { isCopyingIn && copyEnds == 0 }

  /// Whether a message of our own waits for its answer.
  var isProbing: Bool { entries.contains { $0.kind == .probe } }

  /// Queues what was just forwarded; `false` when the server discards it.
  mutating func append(
    _ kind: Kind, statement: StatementID? = nil, isMalformed: Bool = false, at now: MonotonicTime
  ) -> Bool {
    switch kind {
    case .sync:
      isSkipping = false
      if readsCopyData, extendLastSync(isMalformed) { return true }
    case .copyEnd:
      // Stray outside COPY: the server ignores it.
      guard !isSkipping, currentStatement != nil else { return false }
      copyEnds += 1
    default:
      guard !isSkipping else { return false }
    }
    entries.append(
      Entry(kind: kind, statement: statement, since: now, isMalformed: isMalformed))
    return true
  }

  /// So that a client that sends Syncs into a COPY does not fill the queue.
  private mutating func extendLastSync(_ isMalformed: Bool) -> Bool {
    let last = entries.index(before: entries.endIndex)
    guard entries.count > 1, entries[last].kind == .sync else { return false }
    entries[last].repeats += 1
    if isMalformed { entries[last].isMalformed = true }
    return true
  }

  /// The entry that the next reply answers.
  var head: Entry? { entries.first }

  mutating func removeHead() -> Entry? {
    guard let entry = removeFirst() else { return nil }
    dropStrayCopyEnds()
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
    possibleReadies = 0
    isHeadAnswered = !entries.isEmpty
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

  /// Takes as many more for possible as another reading does.
  mutating func allowReadies(of other: ReplyQueue) {
    possibleReadies = max(possibleReadies, other.possibleReadies)
  }

  mutating func takePossibleReady() { possibleReadies = max(0, possibleReadies - 1) }

  /// CopyInResponse.
  mutating func beginCopyIn() { isCopyingIn = true }

  /// The COPY of the first entry completed: what the server read in it, it has swallowed, up to
  /// the CopyDone.
  mutating func completeCopyIn() {
    guard isCopyingIn else { return }
    isCopyingIn = false
    let window = readInCopy
    let endsHere = entries.dropFirst(1 + window).first?.kind == .copyEnd
    removeBehindHead(window + (endsHere ? 1 : 0))
  }

  /// How many entries behind the first the server reads as part of its COPY, while it goes on.
  ///
  /// What comes next is the end of the data, or what the server ends the session for.
  private var readInCopy: Int {
    entries.dropFirst().prefix { $0.kind == .sync || $0.kind == .malformedFlush }.count
  }

  /// What may be left to answer when the COPY of the first entry has failed, right before its
  /// error is taken: one queue for each way that the replies can tell apart.
  ///
  /// A COPY fails at its end, or at some of its data, or by a cancel, and does not say where. Until
  /// then the server has swallowed the Syncs, from there on it answers them. How many they are
  /// shows as ``possibleReadies``. But in the extended protocol what follows is discarded when all
  /// Syncs in front of it were swallowed, and executed otherwise.
  ///
  /// - Parameter limit: With one more than so many the search ends.
  func outcomesOfFailedCopy(limit: Int) -> [ReplyQueue] {
    var failed = self
    failed.isCopyingIn = false
    let window = Array(entries.dropFirst().prefix(readInCopy))
    guard !window.isEmpty else { return [failed] }
    failed.removeBehindHead(window.count)
    let isExtended = head?.kind == .execute
    var outcomes: [ReplyQueue] = []
    var start = 0
    while start < window.count, outcomes.count <= limit {
      var end = start
      var syncs = 0
      while end < window.count, window[end].kind == .sync {
        syncs += window[end].repeats
        end += 1
      }
      if syncs == 0 {
        // Skipped with what follows in the extended protocol.
        if !isExtended { outcomes.append(failed.leaving(Array(window[start...]))) }
        start += 1
        continue
      }
      if end == window.count, !isExtended || failed.syncComesNext {
        var last = failed
        last.possibleReadies = syncs
        return outcomes + [last]
      }
      var last = window[end - 1]
      last.repeats = 1
      var answered = failed.leaving([last] + window[end...])
      answered.possibleReadies = syncs - 1
      outcomes.append(answered)
      start = end
    }
    return outcomes + [failed]
  }

  /// Whether the first message behind the head that is answered at all outside COPY is a Sync.
  private var syncComesNext: Bool {
    entries.dropFirst().first { $0.kind != .copyEnd }?.kind == .sync
  }

  /// With these between the first entry and the others.
  private func leaving(_ window: [Entry]) -> ReplyQueue {
    guard let head else { return self }
    var queue = self
    queue.entries.removeFirst()
    for entry in window.reversed() { queue.entries.prepend(entry) }
    queue.entries.prepend(head)
    return queue
  }

  /// Takes off the entries that follow the first, in one go: a pipeline can hold thousands.
  private mutating func removeBehindHead(_ count: Int) {
    guard count > 0, let head = entries.first else { return }
    copyEnds -= entries.dropFirst().prefix(count).count { $0.kind == .copyEnd }
    entries.removeFirst(min(count + 1, entries.count))
    entries.prepend(head)
  }

  private mutating func dropStrayCopyEnds() {
    while entries.first?.kind == .copyEnd { _ = removeFirst() }
  }

  private mutating func removeFirst() -> Entry? {
    guard let first = entries.first else { return nil }
    isHeadAnswered = false
    if first.repeats > 1 {
      entries[entries.startIndex].repeats -= 1
      return first
    }
    guard let entry = entries.popFirst() else { return nil }
    if entry.kind == .copyEnd { copyEnds -= 1 }
    isCopyingIn = false
    return entry
  }

  /// Takes everything off, at the end of the session.
  mutating func removeAll() -> [Entry] {
    let left = Array(entries)
    self = ReplyQueue()
    return left
  }
}
