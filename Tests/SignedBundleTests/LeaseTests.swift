import Crypto
import GatewayModel
import Testing

@testable import SignedBundle

@Suite struct LeaseTests {
  private static let key = Curve25519.Signing.PrivateKey()
  private static let signer = LeaseSigner(key: key)
  private static let hash = BundleHash(ofPayload: [1])

  private static func at(_ seconds: Int64) -> WallTime {
    WallTime(unixNanoseconds: seconds * 1_000_000_000)
  }

  private func lease(
    organisation: String = "acme", segment: String = "prod", version: UInt64 = 7,
    hash: BundleHash = Self.hash, epoch: UInt64 = 0, issued: Int64 = 1_000, expires: Int64 = 1_300
  ) -> Lease {
    Lease(
      organisation: organisation, segment: segment, bundleVersion: version, bundleHash: hash,
      revocationEpoch: epoch, issuedAt: Self.at(issued), expiresAt: Self.at(expires))
  }

  private func outcome(
    _ lease: Lease, after kept: Lease? = nil, now: Int64 = 1_010,
    signer: LeaseSigner = Self.signer
  ) throws -> LeaseVerifier.Outcome {
    try LeaseVerifier(
      trustedKeys: [Self.signer.publicKey],
      audience: .init(organisation: "acme", segment: "prod")
    ).verify(
      try signer.sign(lease).envelope,
      for: AcceptedVersion(version: 7, hash: Self.hash), after: kept, now: Self.at(now))
  }

  private func code(
    _ lease: Lease, after kept: Lease? = nil, now: Int64 = 1_010,
    signer: LeaseSigner = Self.signer
  ) -> BundleError.Code? {
    do {
      _ = try outcome(lease, after: kept, now: now, signer: signer)
      return nil
    } catch {
      return (error as? BundleError)?.code
    }
  }

  @Test func leaseOfTheBundleInForceRenews() throws {
    guard case .renewed(let signed) = try outcome(lease()) else {
      Issue.record("not renewed")
      return
    }
    #expect(signed.lease == lease())
    #expect(signed.lease.expiresAt == Self.at(1_300))
  }

  @Test func newerVersionMeansThatItIsWithheld() throws {
    #expect(try outcome(lease(version: 8)) == .behind(version: 8))
  }

  @Test func everythingElseIsRefused() {
    #expect(code(lease(organisation: "other")) == .audience)
    #expect(code(lease(segment: "other")) == .audience)
    #expect(code(lease(version: 6)) == .version)
    #expect(code(lease(hash: BundleHash(ofPayload: [2]))) == .version)
    #expect(
      code(lease(), signer: LeaseSigner(key: Curve25519.Signing.PrivateKey())) == .signature)
  }

  @Test func clocksMayDifferALittle() throws {
    let tolerance = LeaseVerifier.clockToleranceSeconds
    #expect(code(lease(), now: 1_000 - tolerance) == nil)
    #expect(code(lease(), now: 1_000 - tolerance - 1) == .expired)
    #expect(code(lease(), now: 1_300 + tolerance - 1) == nil)
    #expect(code(lease(), now: 1_300 + tolerance) == .expired)
  }

  @Test func neitherRevocationsNorTimeGoBack() throws {
    let kept = lease(epoch: 2, issued: 1_100, expires: 1_400)
    #expect(
      code(lease(epoch: 1, issued: 1_200, expires: 1_500), after: kept, now: 1_210) == .version)
    #expect(code(lease(epoch: 2, issued: 1_200, expires: 1_500), after: kept, now: 1_210) == nil)
    #expect(code(lease(epoch: 2, issued: 1_039, expires: 1_500), after: kept) == .version)
    // Of a replica whose clock is a little behind: genuine, and says nothing new.
    #expect(try outcome(lease(epoch: 2, issued: 1_050, expires: 1_350), after: kept) == .known)
  }

  @Test func aBundleIsNoLease() throws {
    let payload = lease()
    let (_, envelope) = try SignedDocument.make(
      payload, type: Envelope.bundleType, keys: [Self.key])
    let verifier = LeaseVerifier(
      trustedKeys: [Self.signer.publicKey],
      audience: .init(organisation: "acme", segment: "prod"))
    #expect(throws: BundleError.self) { try verifier.verifyStored(envelope) }
    #expect(throws: BundleError.self) {
      try verifier.verifyStored([UInt8](repeating: 0x20, count: LeaseVerifier.maximumBytes + 1))
    }
  }

  @Test func freshnessHasTwoEnds() {
    let freshness = PolicyFreshness(leaseExpiresAt: Self.at(100), maxStaleSeconds: 50)
    #expect(freshness.state(at: Self.at(99)) == .fresh)
    #expect(freshness.state(at: Self.at(100)) == .stale)
    #expect(freshness.state(at: Self.at(149)) == .stale)
    #expect(freshness.state(at: Self.at(150)) == .tooStale)
    #expect(freshness.staleSeconds(at: Self.at(90)) == 0)
    #expect(freshness.staleSeconds(at: Self.at(130)) == 30)
    let endless = PolicyFreshness(leaseExpiresAt: Self.at(100), maxStaleSeconds: .max)
    #expect(endless.state(at: Self.at(1_000_000_000)) == .stale)
  }

  @Test func theBundlesIssueCountsUntilTheFirstLease() {
    let bundle = BundlePayload(
      organisation: "acme", segment: "prod", version: 7, issuedAt: Self.at(1_000),
      expiresAt: Self.at(9_000), connections: [], policies: [], tokenIssuer: "s", tokenKeys: [],
      limits: .init(maxStaleSeconds: 60))
    let first = PolicyFreshness(bundle: bundle, lease: nil)
    #expect(first.leaseExpiresAt == Self.at(1_000 + Lease.defaultSeconds))
    #expect(first.maxStaleSeconds == 60)
    #expect(
      PolicyFreshness(bundle: bundle, lease: lease(expires: 1_010)).leaseExpiresAt
        == Self.at(1_010))
  }
}
