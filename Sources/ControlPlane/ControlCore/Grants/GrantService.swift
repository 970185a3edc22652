package import APIModel
internal import GatewayModel
internal import PolicyDocuments
internal import PolicyEngine

/// Says who may enter which connection as which database role.
///
/// A grant that is made here is a policy document of its own, `grant-NAME`.
package struct GrantService: Sendable {
  let policies: PolicyService
  let surroundings: Surroundings

  /// All grants of all policies, in the order in which they are looked at.
  package func list(by caller: Caller) async throws(ControlError) -> [GrantInfo] {
    guard let version = try await policies.store.currentPolicy() else { return [] }
    var grants: [GrantInfo] = []
    for stored in version.documents {
      let document = try stored.document()
      grants += document.grants.map { GrantInfo($0, of: document, since: stored.createdAt) }
    }
    return grants
  }

  /// - Throws: `invalid` naming the field, `notFound` for the connection or its role, `conflict`.
  package func add(_ draft: GrantDraft, by caller: Caller) async throws(ControlError) -> GrantInfo {
    let (document, particulars) = try draft.checked()
    let name = document.grants.first?.name ?? ""
    let stored = StoredPolicy(
      document, text: try Self.yaml(document), createdAt: surroundings.now())
    let act = PolicyService.Act(
      action: .addGrant, subject: name, caller: caller, comment: "Grant \(name) added",
      particulars: particulars, tellsNames: false)
    let change = try await policies.change(act) { base throws(ControlError) in
      try Self.check(draft, in: base.connections)
      let taken = base.documents.contains {
        $0.name == document.name || $0.grantName == name
      }
      guard !taken else {
        throw ControlError(
          .conflict, "A grant named \"\(name)\" exists already.",
          remedy: "Choose another name, or remove it first.")
      }
      return base.documents + [stored]
    }
    guard let grant = document.grants.first, change.isNew else {
      throw ControlError(.internal, "The grant \"\(name)\" was not stored.")
    }
    return GrantInfo(grant, of: document, since: stored.createdAt)
  }

  /// Removes a grant that was made by ``add(_:by:)``.
  ///
  /// - Throws: `notFound`; `conflict` for a grant of another document.
  package func remove(_ name: String, by caller: Caller) async throws(ControlError) {
    let act = PolicyService.Act(
      action: .removeGrant, subject: name, caller: caller, comment: "Grant \(name) removed",
      tellsNames: false)
    _ = try await policies.change(act) { base throws(ControlError) in
      guard let index = base.documents.firstIndex(where: { $0.grantName == name }) else {
        throw try Self.notRemovable(name, base)
      }
      var documents = base.documents
      documents.remove(at: index)
      return documents
    }
  }

  private static func yaml(_ document: PolicyDocument) throws(ControlError) -> String {
    do {
      return try PolicyWriting.yaml([document])
    } catch {
      throw ControlError(.internal, "Writing the policy of a grant failed: \(error).")
    }
  }

  private static func notRemovable(
    _ name: String, _ base: PolicyBase
  ) throws(ControlError) -> ControlError {
    for document in try base.documents.documents()
    where document.grants.contains(where: { $0.name == name }) {
      return ControlError(
        .conflict, "The grant \"\(name)\" stands in the policy \"\(document.name)\".",
        remedy: "Take it out there and apply the policies again with `sallyport policy apply`.")
    }
    return ControlError(
      .notFound, "There is no grant named \"\(name.prefix(100))\".",
      remedy: "See `sallyport grants list` for those there are.")
  }

  private static func check(
    _ draft: GrantDraft, in connections: [Connection]
  ) throws(ControlError) {
    guard let connection = connections.first(where: { $0.name == draft.connection }) else {
      throw ConnectionService.unknown(draft.connection)
    }
    let roles = connection.roles.map(\.name)
    guard roles.contains(draft.role) else {
      throw ControlError(
        .notFound,
        "The connection \"\(connection.name)\" has no database role \"\(draft.role)\".",
        remedy: "It has \(roles.map { "\"\($0)\"" }.joined(separator: ", ")).")
    }
  }
}

extension StoredPolicy {
  /// The name of the grant that this document was made for; `nil` for all others.
  var grantName: String? {
    guard name.hasPrefix(PolicyDocument.grantPrefix), let document = try? document(),
      document.rules.isEmpty, document.grants.count == 1
    else { return nil }
    return document.grants.first?.name
  }
}
