internal import Crypto
internal import GatewayModel
internal import Synchronization

/// Keeps the policies: every change is a version of its own, and agents have it within seconds.
package struct PolicyService: Sendable {
  let store: any PolicyStore
  let connections: any ConnectionStore
  let bundles: BundleService
  let log: ControlLog
  let surroundings: Surroundings

  /// Who changes the policies, by what act, and what the log is told of it.
  struct Act: Sendable {
    var action: ControlAction
    var subject: String
    var caller: Caller
    var comment: String?
    var rolledBackTo: UInt64?
    var particulars: ActDetail = [:]
    /// Whether the log is told which documents were added, changed and removed.
    var tellsNames = true
    /// Whether nothing is to be stored.
    var isTrial = false
  }

  /// What a change did, or would do.
  struct Change: Sendable {
    var before: [StoredPolicy] = []
    var after: [StoredPolicy] = []
    /// The number of the version in force after it.
    var version: UInt64 = 0
    /// Whether it made that version.
    var isNew = false
  }

  /// Makes the next version, has it recorded, and issues the bundles that carry it. Documents that
  /// are what is in force already make none.
  ///
  /// - Parameter edit: Gives the documents from those in force; may be called again.
  func change(
    _ act: Act,
    _ edit: @escaping @Sendable (PolicyBase) throws(ControlError) -> [StoredPolicy]
  ) async throws(ControlError) -> Change {
    let now = surroundings.now()
    let told = Mutex<ActDetail>([:])
    let made = Mutex(Change())
    let entry = log.act(act.action, on: act.subject, by: act.caller) { told.withLock { $0 } }
    let version = try await store.recording(entry).changePolicy { base throws(ControlError) in
      let documents = try edit(base)
      let version = try base.version(documents, act, at: now)
      let change = Change(
        before: base.documents, after: documents, version: base.current?.head.number ?? 0)
      made.withLock { $0 = change }
      guard let version, !act.isTrial else { return nil }
      let detail = Self.detail(act, version, from: base)
      told.withLock { $0 = detail }
      return version
    }
    var change = made.withLock { $0 }
    guard let version else { return change }
    change.version = version.head.number
    change.isNew = true
    surroundings.log(
      "policies changed", by: act.caller,
      [
        "action": act.action.rawValue, "version": "\(version.head.number)",
        "sha256": Hexadecimal.text(version.head.digest),
      ])
    await bundles.issueDue()
    return change
  }

  private static func detail(
    _ act: Act, _ version: PolicyVersion, from base: PolicyBase
  ) -> ActDetail {
    var detail = act.particulars
    detail.values["version"] = .number(Int(clamping: version.head.number))
    detail.values["sha256"] = .text(Hexadecimal.text(version.head.digest))
    guard act.tellsNames else { return detail }
    if let comment = act.comment { detail.values["comment"] = .text(comment) }
    let names = NamesOfChange(from: base.documents, to: version.documents)
    for (key, names) in [
      ("added", names.added), ("changed", names.changed), ("removed", names.removed),
    ] where !names.isEmpty {
      detail.values[key] = .texts(names)
    }
    return detail
  }
}

/// The names of the documents that a change adds, changes and removes.
struct NamesOfChange: Sendable, Equatable {
  var added: [String] = []
  var changed: [String] = []
  var removed: [String] = []

  init(from old: [StoredPolicy], to new: [StoredPolicy]) {
    let before = Dictionary(old.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let after = Set(new.map(\.name))
    for document in new {
      guard let earlier = before[document.name] else {
        added.append(document.name)
        continue
      }
      if earlier.text != document.text { changed.append(document.name) }
    }
    removed = old.map(\.name).filter { !after.contains($0) }
  }
}

extension PolicyBase {
  /// Those in force.
  var documents: [StoredPolicy] { current?.documents ?? [] }

  /// The next version with these documents; `nil` when they are those in force.
  ///
  /// - Throws: `invalid` when they are too many or too long.
  func version(
    _ documents: [StoredPolicy], _ act: PolicyService.Act, at time: WallTime
  ) throws(ControlError) -> PolicyVersion? {
    try PolicyLimits.check(documents, after: self.documents)
    guard documents.map(\.text) != self.documents.map(\.text) || current == nil else { return nil }
    let since = Dictionary(
      self.documents.map { ($0.name, $0.createdAt) }, uniquingKeysWith: { first, _ in first })
    let dated = documents.map { document in
      var document = document
      document.createdAt = since[document.name] ?? time
      return document
    }
    return PolicyVersion(
      head: PolicyVersionHead(
        number: next, createdAt: time, createdBy: act.caller.name, comment: act.comment,
        rolledBackTo: act.rolledBackTo,
        digest: Array(SHA256.hash(data: Array(PolicyVersion.text(of: documents).utf8))),
        documents: documents.count),
      documents: dated)
  }
}

/// The most that policies may be.
package enum PolicyLimits {
  package static let documents = 2000
  /// Of all texts together.
  package static let bytes = 768 << 10
  /// Of a comment.
  package static let commentBytes = 500

  /// Refuses what is over a limit and more than there was: what an upgrade made of many grants may
  /// be over it, and has to become less bit by bit.
  static func check(
    _ documents: [StoredPolicy], after old: [StoredPolicy]
  ) throws(ControlError) {
    guard documents.count <= max(Self.documents, old.count) else {
      throw ControlError(
        .invalid, "The policies have \(documents.count) documents, more than \(Self.documents).",
        remedy: "Join documents that are about the same connections.")
    }
    let bytes = Self.bytes(of: documents)
    guard bytes <= max(Self.bytes, Self.bytes(of: old)) else {
      throw ControlError(
        .invalid, "The policies have \(bytes) bytes, more than \(Self.bytes).",
        remedy: "Say it with patterns and groups rather than one by one.")
    }
  }

  private static func bytes(of documents: [StoredPolicy]) -> Int {
    documents.reduce(0) { $0 + $1.text.utf8.count }
  }
}
