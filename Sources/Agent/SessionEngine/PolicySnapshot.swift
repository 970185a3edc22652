package import GatewayModel
package import PolicyEngine
package import SessionToken
package import SignedBundle

/// What of one accepted bundle judges a session's entry and its statements; immutable.
///
/// Every event loop holds a reference of its own, exchanged by ``GatewayServer/apply(_:)``, so a
/// statement reads it without a lock.
package final class PolicySnapshot: Sendable {
  package let version: UInt64
  /// SHA-256 of the bundle's payload.
  package let hash: [UInt8]
  /// The bundle is void from then on: no login passes.
  package let expiresAt: WallTime
  package let policies: PolicySet
  package let verifier: TokenVerifier
  package let limits: BundlePayload.Limits
  private let connections: [String: Connection]

  /// - Parameters:
  ///   - bundle: As accepted from the verified envelope.
  ///   - hash: SHA-256 of the bundle's payload bytes.
  ///   - verifier: Made from the bundle's token issuer and keys.
  package init(bundle: BundlePayload, hash: [UInt8], verifier: TokenVerifier) {
    version = bundle.version
    self.hash = hash
    expiresAt = bundle.expiresAt
    policies = PolicySet(bundle.policies)
    limits = bundle.limits
    self.verifier = verifier
    connections = Dictionary(
      bundle.connections.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The connection of that name, if the bundle has it.
  package func connection(named name: String) -> Connection? { connections[name] }
}
