package import GatewayModel

/// What a request for a new certificate is, by the generations of certificates.
///
/// Each certificate of an agent has the next generation, for a new key. Of two hosts with one
/// identity the second to renew shows a generation that is not the newest, for a key that is not the
/// newest either, and is found by that.
package enum RenewalStep: Sendable, Equatable {
  /// The next certificate, of this generation.
  case next(UInt64)
  /// The newest once more: its answer was lost.
  case again(UInt64)
  /// Another host has renewed since.
  case clone

  /// - Parameters:
  ///   - presented: The generation of the certificate that the request is made with.
  ///   - key: The digest of the key that the request is for.
  package init(held agent: EnrolledAgent, presented: UInt64, key: [UInt8]) {
    if agent.renewsFreely || presented >= agent.generation {
      // A higher one than is known here is genuine too: the database was put back.
      let newest = min(max(agent.generation, presented), UInt64(Int64.max) - 1)
      self = .next(newest + 1)
    } else if key == agent.certificateKey {
      self = .again(agent.generation)
    } else {
      self = .clone
    }
  }
}

/// What was done about a request for a new certificate.
package enum RenewalVerdict: Sendable, Equatable {
  case issued(RenewedCertificate)
  /// The identity is locked, and why.
  case locked(reason: String)
}

/// What a renewing agent gets, and what is kept of it.
package struct RenewedCertificate: Sendable, Equatable {
  package var chainPEM: String
  package var authoritiesPEM: String
  package var generation: UInt64
  /// SHA-256 of the raw key.
  package var key: [UInt8]
  /// `sha256:` and the digits of the certificate's DER.
  package var fingerprint: String
  package var expiresAt: WallTime
  /// The agent's own time of the recovery that it is of.
  package var recoveredAt: WallTime?
  package init(
    chainPEM: String, authoritiesPEM: String, generation: UInt64, key: [UInt8],
    fingerprint: String, expiresAt: WallTime, recoveredAt: WallTime? = nil
  ) {
    self.chainPEM = chainPEM
    self.authoritiesPEM = authoritiesPEM
    self.generation = generation
    self.key = key
    self.fingerprint = fingerprint
    self.expiresAt = expiresAt
    self.recoveredAt = recoveredAt
  }
}
