package import GatewayModel

/// Where the versions of the policies are kept; a version is never changed.
package protocol PolicyStore: RecordingStore {
  /// The version in force; `nil` while nothing was applied.
  func currentPolicy() async throws(ControlError) -> PolicyVersion?
  /// An earlier version, or that in force.
  func policy(version: UInt64) async throws(ControlError) -> PolicyVersion?
  /// The versions before a number, newest first.
  func policyVersions(
    before: UInt64?, limit: Int
  ) async throws(ControlError) -> [PolicyVersionHead]
  /// Makes the next version, one at a time over all replicas, and marks every segment as due for a
  /// new bundle in the same transaction.
  ///
  /// - Parameter change: Gets what is in force then; may be called again after a conflict. `nil`
  ///   for no new version. Its number has to be the next one.
  func changePolicy(
    _ change: @escaping @Sendable (PolicyBase) throws(ControlError) -> PolicyVersion?
  ) async throws(ControlError) -> PolicyVersion?
}

/// What a change of the policies begins with.
package struct PolicyBase: Sendable {
  /// The version in force; `nil` while nothing was applied.
  package var current: PolicyVersion?
  /// All connections.
  package var connections: [Connection]

  package init(current: PolicyVersion?, connections: [Connection]) {
    self.current = current
    self.connections = connections
  }

  /// The number of the next version.
  var next: UInt64 { (current?.head.number ?? 0) + 1 }
}

/// What is said of a version besides its documents.
package struct PolicyVersionHead: Sendable, Equatable {
  /// From 1 without gaps.
  package var number: UInt64
  package var createdAt: WallTime
  /// The name of the API token of who made it.
  package var createdBy: String
  package var comment: String?
  /// The version whose content this is once more.
  package var rolledBackTo: UInt64?
  /// SHA-256 of ``PolicyVersion/text``.
  package var digest: [UInt8]
  /// How many documents it has.
  package var documents: Int

  package init(
    number: UInt64, createdAt: WallTime, createdBy: String, comment: String? = nil,
    rolledBackTo: UInt64? = nil, digest: [UInt8], documents: Int
  ) {
    self.number = number
    self.createdAt = createdAt
    self.createdBy = createdBy
    self.comment = comment
    self.rolledBackTo = rolledBackTo
    self.digest = digest
    self.documents = documents
  }
}

/// A version of the policies, whole.
package struct PolicyVersion: Sendable, Equatable {
  package var head: PolicyVersionHead
  /// In their order.
  package var documents: [StoredPolicy]

  package init(head: PolicyVersionHead, documents: [StoredPolicy]) {
    self.head = head
    self.documents = documents
  }

  /// What `sallyport policy show` prints of it.
  package static func text(of documents: [StoredPolicy]) -> String {
    documents.map(\.text).joined(separator: "---\n")
  }
}

/// A document as it was applied.
package struct StoredPolicy: Sendable, Equatable {
  package var name: String
  /// Its YAML as somebody wrote it; ends with a line feed.
  package var text: String
  /// The same as JSON, as it goes into bundles.
  package var json: String
  /// Since when there is a document of this name.
  package var createdAt: WallTime

  package init(name: String, text: String, json: String, createdAt: WallTime) {
    self.name = name
    self.text = text
    self.json = json
    self.createdAt = createdAt
  }
}
