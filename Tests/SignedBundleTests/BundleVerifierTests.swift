import Crypto
import Foundation
import GatewayModel
import SignedBundle
import Testing

@Suite struct BundleVerifierTests {
  private func verify(
    _ name: String, newerThan accepted: AcceptedVersion? = nil,
    now: WallTime = BundleVectors.duringValidity
  ) throws -> SignedBundle {
    try BundleVectors.verifier().verify(
      try BundleVectors.envelope(name), newerThan: accepted, now: now)
  }

  private func code(
    of name: String, newerThan accepted: AcceptedVersion? = nil,
    now: WallTime = BundleVectors.duringValidity
  ) -> BundleError.Code? {
    do {
      _ = try verify(name, newerThan: accepted, now: now)
      return nil
    } catch {
      return (error as? BundleError)?.code
    }
  }

  @Test func foreignEnvelopeIsRead() throws {
    let bundle = try verify("good-v7")
    #expect(bundle.payload.version == 7)
    #expect(bundle.payload.connection(named: "orders")?.host == "db.internal")
    #expect(bundle.payload.connection(named: "Orders") == nil)
    let policy = try #require(bundle.payload.policies.first)
    #expect(policy.name == "orders-prod")
    #expect(policy.grants.first?.to.groups.map(\.text) == ["analysts"])
    #expect(policy.rules.map(\.name) == ["no-ddl"])
    #expect(bundle.payload.limits.maxSessions == 100)
    #expect(bundle.hash.description == (try BundleVectors.index().payloadHashOfV7))
    #expect(bundle.envelope == (try BundleVectors.envelope("good-v7")))
  }

  @Test func keyIdentifierIsThatOfTheVector() throws {
    let index = try BundleVectors.index()
    #expect(PolicyKey(base64: index.policyKey)?.id == index.policyKeyID)
    #expect(PolicyKey(base64: index.policyKey)?.base64 == index.policyKey)
  }

  @Test func keysOfANewerControlPlaneAreTolerated() throws {
    #expect(try verify("future-keys-v8").payload.version == 8)
  }

  @Test func oneGoodSignatureOfSeveralIsEnough() throws {
    #expect(try verify("two-signatures-v9").payload.version == 9)
  }

  @Test(arguments: [
    ("other-key-v9", BundleError.Code.signature),
    ("other-key-claiming-trusted-id-v9", .signature),
    ("no-signature-v9", .signature),
    ("changed-payload-v9", .signature),
    ("signed-as-other-type-v9", .signature),
    ("other-type-v9", .malformed),
    ("signed-nonsense", .malformed),
    ("signed-without-policies-v9", .malformed),
    ("other-segment-v9", .audience),
    ("other-organisation-v9", .audience),
    ("version-zero", .version),
    ("expired-v9", .expired),
  ])
  func refused(name: String, code expected: BundleError.Code) {
    #expect(code(of: name) == expected)
  }

  @Test func olderIsRefused() throws {
    let accepted = try verify("good-v7").accepted
    #expect(code(of: "older-v6", newerThan: accepted) == .version)
    #expect(code(of: "future-keys-v8", newerThan: accepted) == nil)
  }

  @Test func sameVersionIsARepeatOnlyWithTheSameContent() throws {
    let accepted = try verify("good-v7").accepted
    #expect(try verify("good-v7", newerThan: accepted).accepted == accepted)
    #expect(code(of: "same-version-other-content-v7", newerThan: accepted) == .version)
  }

  @Test func expiryIsTheFirstMomentThatIsTooLate() throws {
    let last = WallTime(unixNanoseconds: 1_790_086_400_000_000_000 - 1)
    let first = WallTime(unixNanoseconds: 1_790_086_400_000_000_000)
    #expect(code(of: "good-v7", now: last) == nil)
    #expect(code(of: "good-v7", now: first) == .expired)
  }

  @Test func storedBundleIsReadAfterItsExpiryButNotWhenItIsOlder() throws {
    let verifier = try BundleVectors.verifier()
    let expired = try BundleVectors.envelope("expired-v9")
    let bundle = try verifier.verifyStored(expired, accepted: nil)
    #expect(bundle.payload.version == 9)
    #expect(throws: BundleError.self) {
      try verifier.verifyStored(
        try BundleVectors.envelope("good-v7"), accepted: bundle.accepted)
    }
  }

  /// Every way to cut or bend one byte of the envelope is refused or leaves the payload as it was.
  @Test func bentEnvelopesNeverGiveAnotherPayload() throws {
    let verifier = try BundleVectors.verifier()
    let good = try BundleVectors.envelope("good-v7")
    let payload = try verify("good-v7").payload
    for position in good.indices {
      var bent = good
      bent[position] ^= 0x01
      if let bundle = try? verifier.verify(
        bent, newerThan: nil, now: BundleVectors.duringValidity)
      {
        #expect(bundle.payload == payload, "byte \(position)")
      }
      // The last two bytes are the closing brace and a line feed.
      if position < good.count - 2 {
        #expect(throws: BundleError.self, "cut at \(position)") {
          try verifier.verify(
            Array(good[..<position]), newerThan: nil, now: BundleVectors.duringValidity)
        }
      }
    }
  }

  @Test func oversizedIsRefusedUnread() throws {
    let huge = [UInt8](repeating: UInt8(ascii: " "), count: Envelope.maximumBytes + 1)
    let error = #expect(throws: BundleError.self) {
      try BundleVectors.verifier().verify(
        huge, newerThan: nil, now: BundleVectors.duringValidity)
    }
    #expect(error?.code == .tooLarge)
  }

  @Test func tooManySignaturesAreRefused() throws {
    let one = Envelope.Signature(keyID: "", signature: [UInt8](repeating: 0, count: 64))
    let envelope = Envelope(
      payloadType: Envelope.bundleType, payload: [],
      signatures: Array(repeating: one, count: Envelope.maximumSignatures + 1))
    let error = #expect(throws: BundleError.self) {
      try Envelope(encoded: try envelope.encoded())
    }
    #expect(error?.code == .malformed)
  }

  @Test func claimedVersionIsForReportsOnly() throws {
    let envelope = try Envelope(encoded: try BundleVectors.envelope("other-key-v9"))
    #expect(envelope.claimedVersion == 9)
    let nonsense = try Envelope(encoded: try BundleVectors.envelope("signed-nonsense"))
    #expect(nonsense.claimedVersion == nil)
  }
}
