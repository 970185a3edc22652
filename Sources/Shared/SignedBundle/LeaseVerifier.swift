package import GatewayModel

/// Decides whether an agent may take a lease.
package struct LeaseVerifier: Sendable {
  /// How far the clocks of control plane and agent, and of two replicas, may be apart.
  package static let clockToleranceSeconds: Int64 = 60
  /// A lease is a few hundred bytes.
  static let maximumBytes = 16 * 1024

  /// What a good lease means for the bundle in force.
  package enum Outcome: Hashable, Sendable {
    /// It names the bundle in force, which is current until the lease ends.
    case renewed(SignedLease)
    /// It is genuine and no later than the one that is kept, by clocks that differ a little.
    case known
    /// It names a newer bundle than the agent has: that is withheld, or on its way. The bundle in
    /// force is stale when the lease ends that is kept.
    case behind(version: UInt64)
  }

  private let trustedKeys: [PolicyKey]
  private let audience: BundleVerifier.Audience

  package init(trustedKeys: [PolicyKey], audience: BundleVerifier.Audience) {
    self.trustedKeys = trustedKeys
    self.audience = audience
  }

  /// Takes its keys from the root document in force.
  package init(root: RootDocument, audience: BundleVerifier.Audience) {
    self.init(trustedKeys: root.leaseKeys, audience: audience)
  }

  /// Verifies a lease that was received.
  ///
  /// - Parameters:
  ///   - inForce: The bundle that judges now.
  ///   - kept: The lease that was taken last, also by an earlier run of the agent.
  /// - Throws: ``BundleError``; the caller keeps the lease it has.
  package func verify(
    _ envelope: [UInt8], for inForce: AcceptedVersion, after kept: Lease?, now: WallTime
  ) throws(BundleError) -> Outcome {
    let signed = try verifyStored(envelope)
    let lease = signed.lease
    let tolerance = Self.clockToleranceSeconds
    guard lease.issuedAt <= now.advanced(bySeconds: tolerance),
      now < lease.expiresAt.advanced(bySeconds: tolerance)
    else {
      throw BundleError(
        code: .expired,
        message: "the lease holds from \(lease.issuedAtUnixMilliseconds) to"
          + " \(lease.expiresAtUnixMilliseconds) Unix milliseconds, now is"
          + " \(now.unixNanoseconds / 1_000_000): check the clocks of agent and control plane")
    }
    if let kept { try check(lease, after: kept) }
    if lease.bundleVersion > inForce.version { return .behind(version: lease.bundleVersion) }
    guard lease.bundleVersion == inForce.version else {
      throw BundleError(
        code: .version,
        message: "the lease is of bundle version \(lease.bundleVersion), version"
          + " \(inForce.version) is in force: a newer lease follows the newest bundle")
    }
    guard lease.bundleHash == inForce.hash.description else {
      throw BundleError(
        code: .version,
        message: "the lease is of another content of version \(lease.bundleVersion)"
          + " (\(lease.bundleHash.prefix(64)), in force \(inForce.hash)): publish a newer version")
    }
    if let kept, kept.bundleVersion == lease.bundleVersion,
      lease.expiresAtUnixMilliseconds <= kept.expiresAtUnixMilliseconds
    {
      return .known
    }
    return .renewed(signed)
  }

  /// Verifies the lease an agent had kept, whichever bundle it is of and however old.
  package func verifyStored(_ envelope: [UInt8]) throws(BundleError) -> SignedLease {
    guard envelope.count <= Self.maximumBytes else {
      throw BundleError(
        code: .tooLarge,
        message: "the lease is \(envelope.count) bytes, over the limit of \(Self.maximumBytes)")
    }
    let parsed = try SignedDocument.envelope(envelope, type: Envelope.leaseType)
    guard SignedDocument.signers(of: parsed, among: trustedKeys) > 0 else {
      throw BundleError(
        code: .signature,
        message: "no signature by a trusted lease key (trusted: "
          + "\(trustedKeys.map(\.id).joined(separator: ", "))): the root document names the keys")
    }
    let lease = try SignedDocument.payload(Lease.self, of: parsed)
    guard lease.organisation == audience.organisation, lease.segment == audience.segment else {
      throw BundleError(
        code: .audience,
        message: "the lease is for \"\(lease.organisation)\" / \"\(lease.segment)\", this agent"
          + " serves \"\(audience.organisation)\" / \"\(audience.segment)\"")
    }
    guard lease.expiresAtUnixMilliseconds > lease.issuedAtUnixMilliseconds else {
      throw BundleError(code: .malformed, message: "the lease ends before it is issued")
    }
    return SignedLease(lease: lease, envelope: envelope)
  }

  /// What was said once about revocations and time is not taken back.
  private func check(_ lease: Lease, after kept: Lease) throws(BundleError) {
    guard lease.revocationEpoch >= kept.revocationEpoch else {
      throw BundleError(
        code: .version,
        message: "the lease's revocation epoch \(lease.revocationEpoch) is older than"
          + " \(kept.revocationEpoch), which was seen before: what was revoked stays revoked")
    }
    guard lease.issuedAt.advanced(bySeconds: Self.clockToleranceSeconds) >= kept.issuedAt else {
      throw BundleError(
        code: .version,
        message: "the lease was issued at \(lease.issuedAtUnixMilliseconds) Unix milliseconds,"
          + " before the one that is kept (\(kept.issuedAtUnixMilliseconds)): check the clocks of"
          + " the control plane's replicas")
    }
  }
}
