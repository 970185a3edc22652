package import GatewayModel

/// Decides whether an agent may take a bundle.
package struct BundleVerifier: Sendable {
  /// Whom a bundle must be for.
  package struct Audience: Hashable, Sendable {
    package var organisation: String
    package var segment: String

    package init(organisation: String, segment: String) {
      self.organisation = organisation
      self.segment = segment
    }
  }

  private let trustedKeys: [PolicyKey]
  private let threshold: Int
  private let audience: Audience

  /// - Parameter threshold: How many different trusted keys must have signed; at least 1.
  package init(trustedKeys: [PolicyKey], threshold: Int = 1, audience: Audience) {
    self.trustedKeys = trustedKeys
    self.threshold = max(1, threshold)
    self.audience = audience
  }

  /// Takes its keys from the root document in force.
  package init(root: RootDocument, audience: Audience) {
    self.init(
      trustedKeys: root.policyKeys, threshold: root.policyThreshold, audience: audience)
  }

  /// Verifies a bundle that was received.
  ///
  /// Nothing of the payload is read before a trusted key's signature over it is found good.
  ///
  /// - Parameters:
  ///   - envelope: The bytes as received.
  ///   - accepted: The highest version accepted so far, also by an earlier run of the agent. A
  ///     bundle of that version is good only if its hash is the same (a repeat); of a lower one
  ///     never.
  /// - Throws: ``BundleError``; the caller keeps the bundle it has.
  package func verify(
    _ envelope: [UInt8], newerThan accepted: AcceptedVersion?, now: WallTime
  ) throws(BundleError) -> SignedBundle {
    let bundle = try verifyStored(envelope, accepted: accepted)
    guard now < bundle.payload.expiresAt else {
      throw BundleError(
        code: .expired,
        message: "version \(bundle.payload.version) expired at Unix second"
          + " \(bundle.payload.expiresAtUnixSeconds), now is"
          + " \(now.unixNanoseconds / 1_000_000_000): check the clocks of agent and control plane")
    }
    return bundle
  }

  /// Verifies the bundle an agent had persisted: as ``verify(_:newerThan:now:)`` but for the
  /// expiry, which is judged when a session opens.
  package func verifyStored(
    _ envelope: [UInt8], accepted: AcceptedVersion?
  ) throws(BundleError) -> SignedBundle {
    let parsed = try SignedDocument.envelope(envelope, type: Envelope.bundleType)
    let signers = SignedDocument.signers(of: parsed, among: trustedKeys)
    guard signers >= threshold else {
      throw BundleError(
        code: .signature,
        message: "\(signers) of the \(threshold) signatures by trusted policy keys that are needed"
          + " (trusted: \(trustedKeys.map(\.id).joined(separator: ", "))): if the control plane's"
          + " policy key was replaced without a root document, enrol the agent again")
    }
    let payload = try SignedDocument.payload(BundlePayload.self, of: parsed)
    let hash = BundleHash(ofPayload: parsed.payload)
    try check(payload, hash: hash, accepted: accepted)
    return SignedBundle(payload: payload, hash: hash, envelope: envelope)
  }

  private func check(
    _ payload: BundlePayload, hash: BundleHash, accepted: AcceptedVersion?
  ) throws(BundleError) {
    guard payload.organisation == audience.organisation, payload.segment == audience.segment else {
      throw BundleError(
        code: .audience,
        message: "the bundle is for \"\(payload.organisation)\" / \"\(payload.segment)\", this"
          + " agent serves \"\(audience.organisation)\" / \"\(audience.segment)\"")
    }
    guard payload.version > 0 else {
      throw BundleError(code: .version, message: "version 0 is not a version of a bundle")
    }
    guard let accepted else { return }
    if payload.version < accepted.version {
      throw BundleError(
        code: .version,
        message: "version \(payload.version) is older than version \(accepted.version), which was"
          + " accepted before: old policy does not come back; publish a newer version")
    }
    if payload.version == accepted.version, hash != accepted.hash {
      throw BundleError(
        code: .version,
        message: "version \(payload.version) was accepted before with another content"
          + " (\(accepted.hash), now \(hash)): publish a newer version")
    }
  }
}
