internal import GatewayModel
internal import NIOCore

/// What the server still has to answer, in the order in which it will.
///
/// Keeps PostgreSQL's rules of what is answered at all: after an error everything up to the next
/// Sync is discarded; a Sync that the server reads while it takes COPY data is swallowed.
struct ReplyQueue: Sendable {
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
    /// A Sync that was sent behind COPY data. If the COPY fails, only the server knows whether it
    /// read it before or after.
    var isBehindCopyData = false
  }

  private var entries = CircularBuffer<Entry>(initialCapacity: 16)
  /// The server discards what comes until a Sync, and none has been sent.
  private(set) var isSkipping = false
  /// The server takes COPY data for the first entry.
  private(set) var isCopyingIn = false
  private var sawCopyData = false
  /// Syncs whose fate is not known, see ``Entry/isBehindCopyData``.
  private var hasDoubtfulSyncs = false

  var count: Int { entries.count }

  /// The first execution in the queue: what the server works on, or will next.
  var currentStatement: StatementID? {
    entries.first { $0.kind == .execute || $0.kind == .query || $0.kind == .functionCall }?
      .statement
  }

  /// Whether the answer of this statement is still due.
  func contains(_ statement: StatementID) -> Bool {
    entries.contains { $0.statement == statement }
  }

  /// Whether the server reads what the client sends now as COPY data.
  var readsCopyData: Bool { isCopyingIn && !entries.contains { $0.kind == .copyEnd } }

  /// Queues what was just forwarded; `false` when the server discards it.
  mutating func append(
    _ kind: Kind, statement: StatementID? = nil, at now: MonotonicTime
  ) -> Bool {
    var entry = Entry(kind: kind, statement: statement, since: now)
    switch kind {
    case .sync:
      isSkipping = false
      entry.isBehindCopyData = sawCopyData
    case .copyEnd:
      // Stray outside COPY: the server ignores it.
      guard !isSkipping, currentStatement != nil else { return false }
    default:
      sawCopyData = false
      guard !isSkipping else { return false }
    }
    entries.append(entry)
    return true
  }

  /// CopyData was forwarded.
  mutating func noteCopyData() { sawCopyData = true }

  /// The entry that the next reply answers.
  var head: Entry? { entries.first }

  /// The entry behind ``head``.
  var second: Entry? {
    entries.count > 1 ? entries[entries.index(after: entries.startIndex)] : nil
  }

  mutating func removeHead() -> Entry? {
    guard let entry = entries.popFirst() else { return nil }
    dropStrayCopyEnds()
    return entry
  }

  /// After an error of an extended message: takes off what the server discards.
  mutating func skipToSync() -> [Entry] {
    var skipped: [Entry] = []
    while let entry = entries.first, entry.kind != .sync {
      entries.removeFirst()
      if entry.kind != .copyEnd { skipped.append(entry) }
    }
    isSkipping = entries.isEmpty
    return skipped
  }

  /// CopyInResponse: the Syncs sent right behind the first entry are read as part of the COPY.
  mutating func beginCopyIn() {
    isCopyingIn = true
    let swallowed = entries.dropFirst().prefix { $0.kind == .sync && !$0.isBehindCopyData }.count
    removeBehindHead(swallowed)
  }

  /// The COPY of the first entry is over.
  ///
  /// When it completed, every Sync up to its end was swallowed. When it failed, those behind data
  /// may have been read before or after: taken for after, until the replies say otherwise.
  mutating func endCopyIn(completed: Bool) {
    guard isCopyingIn else { return }
    isCopyingIn = false
    guard completed else {
      hasDoubtfulSyncs = second.map { $0.kind == .sync && $0.isBehindCopyData } ?? false
      return
    }
    let syncs = entries.dropFirst().prefix { $0.kind == .sync }.count
    let endsHere = entries.dropFirst(1 + syncs).first?.kind == .copyEnd
    removeBehindHead(syncs + (endsHere ? 1 : 0))
  }

  /// Takes off the entries that follow the first, in one go: a pipeline can hold thousands.
  private mutating func removeBehindHead(_ count: Int) {
    guard count > 0, let head = entries.first else { return }
    entries.removeFirst(min(count + 1, entries.count))
    entries.prepend(head)
  }

  /// A reply came that no Sync has: the doubtful ones in front of it were swallowed.
  mutating func settleDoubtfulSyncs() {
    guard hasDoubtfulSyncs else { return }
    hasDoubtfulSyncs = false
    while let entry = entries.first, entry.kind == .sync, entry.isBehindCopyData {
      entries.removeFirst()
    }
    dropStrayCopyEnds()
  }

  private mutating func dropStrayCopyEnds() {
    while entries.first?.kind == .copyEnd { entries.removeFirst() }
  }

  /// Takes everything off, at the end of the session.
  mutating func removeAll() -> [Entry] {
    let left = Array(entries)
    entries.removeAll()
    return left
  }
}
