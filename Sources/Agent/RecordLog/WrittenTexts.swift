import AuditLog

/// The digests of texts that a log has already, the most recent ones.
///
/// Two generations of at most `capacity` each: when the young one is full it becomes the old one,
/// and what was not asked for since is forgotten. A forgotten text is written once more, which the
/// store tolerates; memory stays bounded whatever the clients send.
struct WrittenTexts {
  private let capacity: Int
  private var young: Set<StatementDigest> = []
  private var old: Set<StatementDigest> = []
  /// Added since the last commit: not in the log when the commit fails.
  private var uncommitted: [StatementDigest] = []

  init(capacity: Int = 8192) { self.capacity = max(1, capacity) }

  var count: Int { young.count + old.count }

  /// Whether the log has the text.
  mutating func contains(_ digest: StatementDigest) -> Bool {
    if young.contains(digest) { return true }
    guard old.contains(digest) else { return false }
    add(digest)
    return true
  }

  mutating func insert(_ digest: StatementDigest) {
    uncommitted.append(digest)
    add(digest)
  }

  mutating func committed() { uncommitted.removeAll(keepingCapacity: true) }

  mutating func rolledBack() {
    for digest in uncommitted {
      young.remove(digest)
      old.remove(digest)
    }
    uncommitted.removeAll()
  }

  private mutating func add(_ digest: StatementDigest) {
    if young.count >= capacity {
      old = young
      young = []
    }
    young.insert(digest)
  }
}
