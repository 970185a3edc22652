internal import GatewayModel
internal import SignedBundle

extension BundleService {
  /// How long a lease is left before the next one is sent: a third of its life, so that one may be
  /// lost without harm.
  package var leaseInterval: Duration { settings.leaseLifetime / 3 }

  /// A new lease of a bundle; nothing of it is stored.
  ///
  /// - Returns: The DSSE envelope.
  /// - Throws: `internal` when it cannot be signed.
  package func lease(of bundle: IssuedBundle) throws(ControlError) -> [UInt8] {
    guard let hash = BundleHash(bytes: bundle.payloadHash) else {
      throw ControlError(
        .internal, "The stored hash of bundle \(bundle.version) is not 32 bytes.",
        remedy: "Restore the database from its backup.")
    }
    let now = surroundings.now()
    do {
      return try keys.signing.standing.leaseSigner.sign(
        Lease(
          organisation: settings.organisation, segment: bundle.segment,
          bundleVersion: bundle.version, bundleHash: hash, issuedAt: now,
          expiresAt: now.advanced(by: settings.leaseLifetime))
      ).envelope
    } catch {
      throw ControlError(.internal, "Signing the lease failed: \(error.message).")
    }
  }
}
