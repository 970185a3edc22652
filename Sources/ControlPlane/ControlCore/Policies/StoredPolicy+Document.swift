internal import Foundation
internal import GatewayModel
internal import PolicyEngine

extension StoredPolicy {
  /// - Throws: `internal` for what this program does not understand: a later one has stored it.
  func document() throws(ControlError) -> PolicyDocument {
    do {
      return try JSONDecoder().decode(PolicyDocument.self, from: Data(json.utf8))
    } catch {
      throw ControlError(
        .internal, "The stored policy \"\(name)\" cannot be read: \(error).",
        remedy: "Start the version of sallyport-control that has stored it, or a later one.")
    }
  }

  init(_ document: PolicyDocument, text: String, createdAt: WallTime) {
    self.init(
      name: document.name, text: text, json: CanonicalJSON.text(document), createdAt: createdAt)
  }
}

extension Sequence<StoredPolicy> {
  func documents() throws(ControlError) -> [PolicyDocument] {
    var documents: [PolicyDocument] = []
    for stored in self { documents.append(try stored.document()) }
    return documents
  }
}

extension ConnectionScope {
  /// Whether a policy is about a connection.
  func covers(_ connection: Connection) -> Bool {
    (connections.isEmpty || connections.contains { $0.matches(connection.name) })
      && labels.allSatisfy { label, pattern in
        connection.labels[label].map(pattern.matches) ?? false
      }
  }
}
