package import APIModel
internal import GatewayModel

// What is in force, and what was.
extension PolicyService {
  /// What is in force.
  package func show(by caller: Caller) async throws(ControlError) -> PolicyContent {
    guard let current = try await store.currentPolicy() else {
      return PolicyContent(version: nil, documents: [])
    }
    return PolicyContent(current)
  }

  /// - Throws: `notFound`.
  package func show(
    version: Int, by caller: Caller
  ) async throws(ControlError) -> PolicyContent {
    PolicyContent(try await found(version))
  }

  /// One page of the versions, newest first.
  ///
  /// - Throws: `invalid` naming what is wrong.
  package func history(
    limit: Int?, cursor: String?, by caller: Caller
  ) async throws(ControlError) -> Page<PolicyVersionInfo> {
    let limit = try FilterText.limit(limit)
    let before = try cursor.map { text throws(ControlError) in
      guard let number = UInt64(text), number <= UInt64(Int64.max) else {
        throw Check.invalid("cursor", text, "Use that of an earlier answer.")
      }
      return number
    }
    let heads = try await store.policyVersions(before: before, limit: limit)
    let last = heads.count == limit ? heads.last?.number : nil
    return Page(
      items: heads.map(PolicyVersionInfo.init),
      nextCursor: last.flatMap { $0 > 1 ? "\($0)" : nil })
  }

  func found(_ version: Int) async throws(ControlError) -> PolicyVersion {
    if let number = UInt64(exactly: version), let found = try await store.policy(version: number) {
      return found
    }
    throw ControlError(
      .notFound, "There is no version \(version) of the policies.",
      remedy: "See `sallyport policy history` for those there are.")
  }
}

extension PolicyContent {
  init(_ version: PolicyVersion) {
    self.init(
      version: PolicyVersionInfo(version.head),
      documents: version.documents.map {
        Document(name: $0.name, text: $0.text, createdAt: TimeText.text($0.createdAt))
      })
  }
}

extension PolicyVersionInfo {
  init(_ head: PolicyVersionHead) {
    self.init(
      version: Int(clamping: head.number), createdAt: TimeText.text(head.createdAt),
      createdBy: head.createdBy, comment: head.comment,
      rolledBackTo: head.rolledBackTo.map { Int(clamping: $0) },
      digest: Hexadecimal.text(head.digest), documents: head.documents)
  }
}
