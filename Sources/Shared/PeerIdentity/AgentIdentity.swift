package import GatewayModel

/// Who an agent is, as its certificate says in a URI name:
/// `spiffe://<organisation>/segment/<segment>/agent/<id>`.
package struct AgentIdentity: Hashable, Sendable {
  package let organisation: String
  package let segment: String
  package let agent: AgentID

  /// - Throws: ``IdentityError`` `name` when the organisation or the segment has a character
  ///   other than letters, digits, `.`, `-` and `_`, or is empty or over 128 bytes.
  package init(
    organisation: String, segment: String, agent: AgentID
  ) throws(IdentityError) {
    for (what, name) in [("organisation", organisation), ("segment", segment)] {
      guard Self.isName(name) else {
        throw IdentityError(
          code: .name,
          message: "the \(what) \"\(name.prefix(200))\" cannot stand in a certificate: use 1 to"
            + " 128 letters, digits, \".\", \"-\" and \"_\"")
      }
    }
    self.organisation = organisation
    self.segment = segment
    self.agent = agent
  }

  /// Reads the URI; `nil` when it has any other form.
  package init?(uri: String) {
    let parts = uri.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 7, parts[0] == "spiffe:", parts[1].isEmpty, parts[3] == "segment",
      parts[5] == "agent", let id = Identifier128(text: parts[6]), id.description == parts[6],
      let identity = try? AgentIdentity(
        organisation: parts[2], segment: parts[4], agent: AgentID(id))
    else { return nil }
    self = identity
  }

  package var uri: String { "spiffe://\(organisation)/segment/\(segment)/agent/\(agent)" }

  private static func isName(_ name: String) -> Bool {
    guard (1...128).contains(name.utf8.count) else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}
