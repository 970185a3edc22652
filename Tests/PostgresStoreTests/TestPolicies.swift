import ControlCore
import GatewayModel

@testable import PostgresStore

extension PostgresStore {
  /// Appends a document with one grant to the policies.
  @discardableResult
  func addPolicy(
    _ name: String, connection: String = "orders", at: WallTime = time(1), comment: String? = nil
  ) async throws(ControlError) -> PolicyVersion? {
    try await changePolicy { base in
      base.next(
        (base.current?.documents ?? []) + [.grant(name, connection: connection, at: at)], at: at,
        comment: comment)
    }
  }

  /// Takes a document out; `nil` when there is none of that name.
  @discardableResult
  func removePolicy(_ name: String) async throws(ControlError) -> PolicyVersion? {
    try await changePolicy { base in
      var documents = base.current?.documents ?? []
      let count = documents.count
      documents.removeAll { $0.name == name }
      return documents.count == count ? nil : base.next(documents, at: time(2))
    }
  }
}

extension PolicyBase {
  func next(
    _ documents: [StoredPolicy], at: WallTime, comment: String? = nil
  ) -> PolicyVersion {
    PolicyVersion(
      head: PolicyVersionHead(
        number: (current?.head.number ?? 0) + 1, createdAt: at, createdBy: "admin",
        comment: comment, digest: [UInt8](repeating: 7, count: 32), documents: documents.count),
      documents: documents)
  }
}

extension StoredPolicy {
  static func grant(_ name: String, connection: String = "orders", at: WallTime) -> StoredPolicy {
    let json = """
      {"policy": "\(name)", "on": {"connections": ["\(connection)"]}, "grants": [{"name": "g", \
      "to": {"groups": ["dba"]}, "role": "app", "effects": ["all"]}]}
      """
    return StoredPolicy(name: name, text: json + "\n", json: json, createdAt: at)
  }
}
