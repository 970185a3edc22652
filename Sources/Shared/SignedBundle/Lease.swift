package import Crypto
package import GatewayModel

/// Says that one bundle is the current one of its segment, and for how long that may be believed.
///
/// Its JSON form is what is signed. It is short-lived and signed by the control plane's online key:
/// an agent that gets no more of them knows that newer policy may be withheld from it.
package struct Lease: Hashable, Sendable, Codable {
  package var organisation: String
  package var segment: String
  package var bundleVersion: UInt64
  /// 64 hexadecimal digits: SHA-256 of the bundle's payload.
  package var bundleHash: String
  /// How many times credentials were revoked; never goes down.
  package var revocationEpoch: UInt64
  /// Milliseconds since 1970-01-01 00:00:00 UTC.
  package var issuedAtUnixMilliseconds: Int64
  package var expiresAtUnixMilliseconds: Int64

  /// How long a lease is good for where nothing else is said; the bundle's own issue counts as such
  /// a lease until the first one.
  package static let defaultSeconds: Int64 = 300

  /// - Parameters:
  ///   - issuedAt: Cut to whole milliseconds.
  ///   - expiresAt: Cut to whole milliseconds.
  package init(
    organisation: String, segment: String, bundleVersion: UInt64, bundleHash: BundleHash,
    revocationEpoch: UInt64 = 0, issuedAt: WallTime, expiresAt: WallTime
  ) {
    self.organisation = organisation
    self.segment = segment
    self.bundleVersion = bundleVersion
    self.bundleHash = bundleHash.description
    self.revocationEpoch = revocationEpoch
    issuedAtUnixMilliseconds = issuedAt.unixNanoseconds / Self.nanosecondsPerMillisecond
    expiresAtUnixMilliseconds = expiresAt.unixNanoseconds / Self.nanosecondsPerMillisecond
  }

  package var issuedAt: WallTime { Self.wallTime(issuedAtUnixMilliseconds) }
  package var expiresAt: WallTime { Self.wallTime(expiresAtUnixMilliseconds) }

  private static let nanosecondsPerMillisecond: Int64 = 1_000_000

  /// Saturates.
  private static func wallTime(_ milliseconds: Int64) -> WallTime {
    let (product, overflow) = milliseconds.multipliedReportingOverflow(
      by: nanosecondsPerMillisecond)
    guard overflow else { return WallTime(unixNanoseconds: product) }
    return WallTime(unixNanoseconds: milliseconds < 0 ? .min : .max)
  }
}

/// A lease with the envelope that vouches for it.
package struct SignedLease: Hashable, Sendable {
  package let lease: Lease
  /// The DSSE envelope, byte for byte.
  package let envelope: [UInt8]
}

/// Makes signed leases with the control plane's online lease key.
package struct LeaseSigner: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  package init(key: Curve25519.Signing.PrivateKey) { self.key = key }

  package var publicKey: PolicyKey { PolicyKey(key.publicKey) }

  /// - Throws: ``BundleError`` `malformed` when the lease does not end after its issue.
  package func sign(_ lease: Lease) throws(BundleError) -> SignedLease {
    guard lease.expiresAtUnixMilliseconds > lease.issuedAtUnixMilliseconds else {
      throw BundleError(
        code: .malformed, message: "signing a lease that ends when it is issued: make it longer")
    }
    let (_, bytes) = try SignedDocument.make(lease, type: Envelope.leaseType, keys: [key])
    return SignedLease(lease: lease, envelope: bytes)
  }
}
