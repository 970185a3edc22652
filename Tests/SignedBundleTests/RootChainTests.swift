import Crypto
import GatewayModel
import SignedBundle
import Testing

@Suite struct RootChainTests {
  private typealias Key = Curve25519.Signing.PrivateKey

  private func document(
    _ version: UInt64, organisation: String = "acme", root: [Key], rootThreshold: Int = 1,
    policy: [Key], policyThreshold: Int = 1, lease: Key
  ) -> RootDocument {
    RootDocument(
      organisation: organisation, version: version,
      issuedAt: WallTime(unixNanoseconds: 1_000_000_000),
      rootKeys: root.map { PolicyKey($0.publicKey) }, rootThreshold: rootThreshold,
      policyKeys: policy.map { PolicyKey($0.publicKey) }, policyThreshold: policyThreshold,
      leaseKeys: [PolicyKey(lease.publicKey)])
  }

  private func code(_ body: () throws -> Void) -> BundleError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? BundleError)?.code
    }
  }

  private let root = Key()
  private let policy = Key()
  private let lease = Key()

  private var first: RootDocument { document(1, root: [root], policy: [policy], lease: lease) }

  @Test func chainIsFollowedToItsEnd() throws {
    let (next, other) = (Key(), Key())
    let one = try first.signed(by: [root])
    let two = try document(2, root: [next], policy: [policy], lease: lease)
      .signed(by: [root, next])
    let three = try document(3, root: [next], policy: [other], lease: lease).signed(by: [next])
    let chain = try RootChain.begin(
      [one, two, three].map(\.envelope), organisation: "acme")
    #expect(chain.map(\.document.version) == [1, 2, 3])
    #expect(chain.last?.document.policyKeys == [PolicyKey(other.publicKey)])
    // What is known is passed over, and what was signed is what is read.
    #expect(
      try RootChain.follow([one, two, three].map(\.envelope), from: two.document) == [three])
    #expect(try RootChain.follow([one.envelope], from: two.document).isEmpty)
  }

  @Test func agentsOfBeforeFollowTheKeyOfTheirEnrolment() throws {
    let implied = RootDocument.implied(
      organisation: "acme", policyKeys: [PolicyKey(policy.publicKey)])
    let signed = try first.signed(by: [root, policy])
    #expect(try RootChain.follow([signed.envelope], from: implied) == [signed])
    let unsigned = try first.signed(by: [root])
    #expect(code { _ = try RootChain.follow([unsigned.envelope], from: implied) } == .signature)
  }

  @Test func eachStepNeedsTheOldKeysAndItsOwn() throws {
    let next = Key()
    let document = document(2, root: [next], policy: [policy], lease: lease)
    for keys in [[next], [root], [Key()]] {
      let signed = try document.signed(by: keys)
      #expect(code { _ = try RootChain.follow([signed.envelope], from: first) } == .signature)
    }
  }

  @Test func thresholdCountsKeysAndNotSignatures() throws {
    let (a, b) = (Key(), Key())
    let trusted = document(1, root: [a, b], rootThreshold: 2, policy: [policy], lease: lease)
    let next = document(2, root: [a, b], rootThreshold: 2, policy: [policy], lease: lease)
    let twice = try next.signed(by: [a, a])
    #expect(code { _ = try RootChain.follow([twice.envelope], from: trusted) } == .signature)
    let both = try next.signed(by: [a, b])
    #expect(try RootChain.follow([both.envelope], from: trusted) == [both])
  }

  @Test func gapsAndOtherOrganisationsAreRefused() throws {
    let third = try document(3, root: [root], policy: [policy], lease: lease).signed(by: [root])
    #expect(code { _ = try RootChain.follow([third.envelope], from: first) } == .version)
    let other = try document(
      2, organisation: "other", root: [root], policy: [policy], lease: lease
    ).signed(by: [root])
    #expect(code { _ = try RootChain.follow([other.envelope], from: first) } == .audience)
    #expect(code { _ = try RootChain.begin([], organisation: "acme") } == .malformed)
    let bundle = Envelope(payloadType: Envelope.bundleType, payload: [], signatures: [])
    #expect(
      code { _ = try RootChain.begin([try bundle.encoded()], organisation: "acme") }
        == .malformed)
  }

  @Test func unlivableDocumentsAreNotSigned() {
    for flawed in [
      document(0, root: [root], policy: [policy], lease: lease),
      document(1, root: [], policy: [policy], lease: lease),
      document(1, root: [root], rootThreshold: 2, policy: [policy], lease: lease),
      document(1, root: [root, root], policy: [policy], lease: lease),
      document(1, root: [root], policy: [policy], policyThreshold: 0, lease: lease),
    ] {
      #expect(code { _ = try flawed.signed(by: [root]) } == .malformed)
    }
  }

  @Test func bundlesNeedTheThresholdOfTheRoot() throws {
    let (a, b) = (Key(), Key())
    let root = document(
      1, root: [root], policy: [a, b], policyThreshold: 2, lease: lease)
    let verifier = BundleVerifier(
      root: root, audience: .init(organisation: "acme", segment: "prod"))
    let payload = BundlePayload(
      organisation: "acme", segment: "prod", version: 1,
      issuedAt: WallTime(unixNanoseconds: 0), expiresAt: WallTime(unixNanoseconds: .max),
      connections: [], policies: [], tokenIssuer: "s", tokenKeys: [])
    let now = WallTime(unixNanoseconds: 5)
    let both = try BundleSigner(keys: [a, b]).sign(payload)
    #expect(try verifier.verify(both.envelope, newerThan: nil, now: now) == both)
    for keys in [[a], [a, a], [a, Key()]] {
      let signed = try BundleSigner(keys: keys).sign(payload)
      #expect(
        code { _ = try verifier.verify(signed.envelope, newerThan: nil, now: now) }
          == .signature)
    }
  }
}
