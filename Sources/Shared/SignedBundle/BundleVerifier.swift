internal import Crypto
import Foundation
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
  private let audience: Audience

  package init(trustedKeys: [PolicyKey], audience: Audience) {
    self.trustedKeys = trustedKeys
    self.audience = audience
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
    let parsed = try Envelope(encoded: envelope)
    guard parsed.payloadType == Envelope.bundleType else {
      throw BundleError(
        code: .malformed,
        message: "the payload's type is \"\(parsed.payloadType.prefix(100))\", not"
          + " \"\(Envelope.bundleType)\"")
    }
    guard isSigned(parsed) else {
      throw BundleError(
        code: .signature,
        message: "no signature by a trusted policy key (trusted: "
          + "\(trustedKeys.map(\.id).joined(separator: ", "))): if the control plane's policy key"
          + " was replaced, enrol the agent again")
    }
    let payload: BundlePayload
    do {
      payload = try JSONDecoder().decode(BundlePayload.self, from: Data(parsed.payload))
    } catch {
      throw BundleError(
        code: .malformed, message: "the signed payload cannot be read: \(summary(of: error))")
    }
    let hash = BundleHash(ofPayload: parsed.payload)
    try check(payload, hash: hash, accepted: accepted)
    return SignedBundle(payload: payload, hash: hash, envelope: envelope)
  }

  private func isSigned(_ envelope: Envelope) -> Bool {
    let bytes = Envelope.signedBytes(type: envelope.payloadType, body: envelope.payload)
    for signature in envelope.signatures {
      for trusted in trustedKeys where signature.keyID.isEmpty || signature.keyID == trusted.id {
        guard
          let key = try? Curve25519.Signing.PublicKey(rawRepresentation: trusted.rawBytes)
        else { continue }
        if key.isValidSignature(signature.signature, for: bytes) { return true }
      }
    }
    return false
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

  /// Where decoding failed, without quoting the payload.
  private func summary(of error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      "at \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\":"
        + " \(context.debugDescription)"
    default: "it is not JSON"
    }
  }
}
