package import GatewayModel
package import PolicyEngine

/// What a bundle says: the policy of one segment at one version.
///
/// Its JSON form is what is signed; keys an agent does not know are ignored, so that an older
/// agent goes on under a newer control plane.
package struct BundlePayload: Hashable, Sendable, Codable {
  package var organisation: String
  package var segment: String
  /// Rises strictly from bundle to bundle of a segment; the first is 1.
  package var version: UInt64
  /// Whole seconds since 1970-01-01 00:00:00 UTC.
  package var issuedAtUnixSeconds: Int64
  /// Whole seconds since 1970-01-01 00:00:00 UTC; the bundle is void from then on.
  package var expiresAtUnixSeconds: Int64
  package var connections: [Connection]
  /// Those that can concern a connection of the segment, in their order.
  package var policies: [PolicyDocument]
  /// The `iss` that session tokens must carry.
  package var tokenIssuer: String
  package var tokenKeys: [TokenKey]
  package var limits: Limits

  /// - Parameters:
  ///   - issuedAt: Cut to whole seconds.
  ///   - expiresAt: Cut to whole seconds.
  package init(
    organisation: String, segment: String, version: UInt64, issuedAt: WallTime,
    expiresAt: WallTime, connections: [Connection], policies: [PolicyDocument], tokenIssuer: String,
    tokenKeys: [TokenKey], limits: Limits = Limits()
  ) {
    self.organisation = organisation
    self.segment = segment
    self.version = version
    self.issuedAtUnixSeconds = UnixSeconds.seconds(issuedAt)
    self.expiresAtUnixSeconds = UnixSeconds.seconds(expiresAt)
    self.connections = connections
    self.policies = policies
    self.tokenIssuer = tokenIssuer
    self.tokenKeys = tokenKeys
    self.limits = limits
  }

  package var issuedAt: WallTime { UnixSeconds.wallTime(issuedAtUnixSeconds) }
  package var expiresAt: WallTime { UnixSeconds.wallTime(expiresAtUnixSeconds) }

  /// The connection of that name, if the bundle has it.
  package func connection(named name: String) -> Connection? {
    connections.first { $0.name == name }
  }
}

extension BundlePayload {
  /// A key that session tokens may be signed with.
  package struct TokenKey: Hashable, Sendable, Codable {
    /// What a token's header names as `kid`.
    package var kid: String
    /// Base64 of the raw Ed25519 public key.
    package var publicKey: String

    package init(kid: String, publicKey: String) {
      self.kid = kid
      self.publicKey = publicKey
    }
  }

  /// Bounds an agent keeps; `nil` leaves the agent's own.
  package struct Limits: Hashable, Sendable, Codable {
    package var maxSessions: Int?
    package var maxSessionsPerPrincipal: Int?
    package var maxStatementBytes: Int?
    /// How long after the end of its last lease a bundle still lets new sessions in.
    package var maxStaleSeconds: Int?

    package init(
      maxSessions: Int? = nil, maxSessionsPerPrincipal: Int? = nil, maxStatementBytes: Int? = nil,
      maxStaleSeconds: Int? = nil
    ) {
      self.maxSessions = maxSessions
      self.maxSessionsPerPrincipal = maxSessionsPerPrincipal
      self.maxStatementBytes = maxStatementBytes
      self.maxStaleSeconds = maxStaleSeconds
    }
  }
}
