package import GatewayModel

/// Who asks for an act, as the API token says.
package struct Caller: Sendable, Hashable {
  package enum Role: String, Sendable, Hashable, CaseIterable {
    case admin
  }

  /// The id of the API token; never its secret.
  package var tokenID: Identifier128
  /// What the token is called in listings.
  package var name: String
  package var role: Role
  /// Where the call came from, as the socket says.
  package var address: String

  package init(tokenID: Identifier128, name: String, role: Role, address: String = "") {
    self.tokenID = tokenID
    self.name = name
    self.role = role
    self.address = address
  }
}
