package import APIModel
internal import GatewayModel

/// Says who may enter which connection as which database role.
package struct GrantService: Sendable {
  let store: any GrantStore
  let bundles: BundleService
  let surroundings: Surroundings

  /// All grants, in the order they were made.
  package func list(by caller: Caller) async throws(ControlError) -> [GrantInfo] { [] }
  /// - Throws: `invalid` naming the field, `notFound` for the connection or its role, `conflict`.
  package func add(_ draft: GrantDraft, by caller: Caller) async throws(ControlError) -> GrantInfo {
    throw ControlError(.notFound, "")
  }
  /// - Throws: `notFound`.
  package func remove(_ name: String, by caller: Caller) async throws(ControlError) {}
}
