import AgentState
import Crypto
import Foundation
import GatewayModel
import Logging
import SignedBundle
import Synchronization
import Testing

@testable import ControlLink

/// What an agent takes of what its control plane sends: online, from its disk, after a restart.
@Suite struct BundleAcceptorTests {
  private typealias Key = Curve25519.Signing.PrivateKey
  private static let now = WallTime(unixNanoseconds: 1_000_000_000_000)

  /// An agent's state in a folder of its own, with the keys that its control plane signs by.
  private final class Bench: Sendable {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("acceptor-\(UUID().uuidString)").path
    let policy = Key()
    let lease = Key()
    let root = Key()
    let state: AgentState
    let status = LinkStatus()
    let freshness = Mutex<PolicyFreshness?>(nil)
    let active = Mutex<[UInt64]>([])

    init() async throws {
      state = try AgentState.open(folder: folder, for: .enrol)
      try await state.enrol(
        Enrolment(
          agent: AgentID(Identifier128(high: 1, low: 2)), organisation: "acme", segment: "prod",
          linkAddress: "c:1", clientAddress: "g:1",
          policyPublicKeys: [PolicyKey(policy.publicKey).base64], authoritiesPEM: "a",
          enrolledAt: WallTime(unixNanoseconds: 0)),
        keys: AgentKeys(audit: Secret(text: "a"), sealing: Secret(text: "s")),
        identity: TLSIdentity(privateKeyPEM: Secret(text: "k"), certificateChainPEM: "c"))
    }

    deinit {
      state.close()
      try? FileManager.default.removeItem(atPath: folder)
    }

    /// As at a start of the agent.
    func acceptor() async throws -> BundleAcceptor {
      let acceptor = try BundleAcceptor(
        state: state, enrolment: try await state.enrolment(), status: status,
        logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() },
        refresh: { [weak self] fresh in self?.freshness.withLock { $0 = fresh } },
        activate: { [weak self] bundle in
          self?.active.withLock { $0.append(bundle.payload.version) }
        })
      _ = try await acceptor.restore()
      return acceptor
    }

    func bundle(
      _ version: UInt64, key: Key? = nil, segment: String = "prod", expires: Int64 = 9_000
    ) throws -> SignedBundle {
      try BundleSigner(key: key ?? policy).sign(
        BundlePayload(
          organisation: "acme", segment: segment, version: version,
          issuedAt: WallTime(unixNanoseconds: 500_000_000_000),
          expiresAt: WallTime(unixNanoseconds: expires * 1_000_000_000), connections: [],
          policies: [], tokenIssuer: "s", tokenKeys: []))
    }

    func signed(_ bundle: SignedBundle, key: Key? = nil, expires: Int64 = 1_300) throws -> [UInt8] {
      try LeaseSigner(key: key ?? lease).sign(
        Lease(
          organisation: "acme", segment: "prod", bundleVersion: bundle.payload.version,
          bundleHash: bundle.hash, issuedAt: BundleAcceptorTests.now,
          expiresAt: WallTime(unixNanoseconds: expires * 1_000_000_000))
      ).envelope
    }

    func document(
      _ version: UInt64, policy: Key? = nil, signers: [Key]
    ) throws -> [UInt8] {
      try RootDocument(
        organisation: "acme", version: version, issuedAt: BundleAcceptorTests.now,
        rootKeys: [PolicyKey(root.publicKey)],
        policyKeys: [PolicyKey((policy ?? self.policy).publicKey)],
        leaseKeys: [PolicyKey(lease.publicKey)]
      ).signed(by: signers).envelope
    }
  }

  @Test func whatIsWrongIsRefusedAndTheLastGoodStays() async throws {
    let bench = try await Bench()
    let acceptor = try await bench.acceptor()
    let good = try bench.bundle(7)
    #expect(await acceptor.take(good.envelope, now: Self.now).accepted)
    var longest = good.envelope
    longest += [UInt8](repeating: 0x20, count: Envelope.maximumBytes)
    for (envelope, reason) in [
      (longest, "too_large"), (Array("{}".utf8), "malformed"),
      (try bench.bundle(8, key: Key()).envelope, "signature"),
      (try bench.bundle(8, segment: "other").envelope, "audience"),
      (try bench.bundle(8, expires: 999).envelope, "expired"),
      (try bench.bundle(6).envelope, "version"),
      (try bench.bundle(7, expires: 9_001).envelope, "version"),
    ] {
      let verdict = await acceptor.take(envelope, now: Self.now)
      #expect(!verdict.accepted)
      #expect(verdict.reason == reason)
      #expect(await acceptor.versionInForce == 7)
    }
    // After a restart the older one is refused as well, and the kept one is in force.
    let again = try await bench.acceptor()
    #expect(await again.versionInForce == 7)
    #expect(await again.take(try bench.bundle(6).envelope, now: Self.now).reason == "version")
    #expect(bench.active.withLock { $0 } == [7, 7])
  }

  @Test func anOlderBundleOnDiskIsNotUsed() async throws {
    let bench = try await Bench()
    let acceptor = try await bench.acceptor()
    _ = await acceptor.take(try bench.bundle(7).envelope, now: Self.now)
    let older = try bench.bundle(6)
    await #expect(throws: AgentStateError.self) {
      try await bench.state.accept(
        StoredBundle(version: 6, hash: older.hash.bytes, envelope: older.envelope))
    }
    // As if somebody had put the older envelope in the place of the newer.
    try await bench.state.accept(
      StoredBundle(
        version: 7, hash: try bench.bundle(7).hash.bytes, envelope: older.envelope))
    let restarted = try await bench.acceptor()
    #expect(await restarted.versionInForce == 0)
  }

  @Test func leasesKeepTheBundleFresh() async throws {
    let bench = try await Bench()
    let acceptor = try await bench.acceptor()
    let bundle = try bench.bundle(7)
    #expect(await acceptor.takeLease(try bench.signed(bundle), now: Self.now) == nil)
    _ = await acceptor.takeRoots([
      try bench.document(1, signers: [bench.root, bench.policy])
    ])
    _ = await acceptor.take(bundle.envelope, now: Self.now)
    // Issued at 500, for the default life.
    #expect(bench.freshness.withLock { $0?.state(at: Self.now) } == .stale)
    #expect(await acceptor.takeLease(try bench.signed(bundle), now: Self.now) == nil)
    #expect(bench.freshness.withLock { $0?.state(at: Self.now) } == .fresh)
    // Kept: a restart makes nothing stale and nothing fresh.
    _ = try await bench.acceptor()
    let ends = WallTime(unixNanoseconds: 1_300_000_000_000)
    #expect(bench.freshness.withLock { $0?.leaseExpiresAt } == ends)

    let withheld = await acceptor.takeLease(
      try bench.signed(try bench.bundle(8), expires: 1_600), now: Self.now)
    #expect(withheld?.document == .lease)
    #expect(withheld?.reason == "behind")
    #expect(withheld?.version == 8)
    let forged = await acceptor.takeLease(
      try bench.signed(bundle, key: Key(), expires: 1_600), now: Self.now)
    #expect(forged?.reason == "signature")
    #expect(bench.freshness.withLock { $0?.leaseExpiresAt } == ends)
    #expect(bench.status.problems(now: Self.now).contains { $0.contains("lease version") })
    // The next good one is answered, so that the refusal is shown no more.
    let good = await acceptor.takeLease(try bench.signed(bundle, expires: 1_700), now: Self.now)
    #expect(good?.accepted == true)
    #expect(
      await acceptor.takeLease(try bench.signed(bundle, expires: 1_800), now: Self.now) == nil)
  }

  @Test func rotationIsFollowedAndOutlivesARestart() async throws {
    let bench = try await Bench()
    let acceptor = try await bench.acceptor()
    _ = await acceptor.take(try bench.bundle(7).envelope, now: Self.now)
    let next = Key()
    let first = try bench.document(1, signers: [bench.root, bench.policy])
    let second = try bench.document(2, policy: next, signers: [bench.root])
    // Of a root that the enrolment does not vouch for.
    let foreign = await acceptor.takeRoots([try bench.document(1, signers: [bench.root])])
    #expect(foreign.reason == "signature")
    #expect(foreign.document == .root)
    let gap = await acceptor.takeRoots([second])
    #expect(!gap.accepted)
    #expect(await acceptor.rootVersion == 0)
    #expect(await acceptor.takeRoots([first, second]).accepted)
    #expect(await acceptor.rootVersion == 2)
    #expect(await acceptor.takeRoots([first]).accepted)
    #expect(await acceptor.rootVersion == 2)
    #expect(await acceptor.take(try bench.bundle(8).envelope, now: Self.now).reason == "signature")
    // The bundle of before the rotation stays in force, also over a restart.
    let restarted = try await bench.acceptor()
    #expect(await restarted.rootVersion == 2)
    #expect(await restarted.versionInForce == 7)
    let rotated = try bench.bundle(8, key: next)
    #expect(await restarted.take(rotated.envelope, now: Self.now).accepted)
  }
}
