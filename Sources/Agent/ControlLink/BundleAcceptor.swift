package import AgentState
package import GatewayModel
package import Logging
package import SignedBundle
internal import Telemetry

/// Takes bundles, leases and root documents in: verify, keep, put in force, answer. One at a time.
package actor BundleAcceptor {
  /// What is judged; the raw value is how a verdict names it.
  package enum Document: String, Hashable, Sendable {
    case bundle
    case lease
    case root
  }

  /// What the agent answers to a bundle, a lease or root documents.
  package struct Verdict: Hashable, Sendable {
    package var document = Document.bundle
    package var version: UInt64
    package var accepted: Bool
    /// The code of a ``BundleError``, or `state` when keeping it failed; empty when accepted.
    package var reason: String
    package var detail: String
  }

  let state: AgentState
  let audience: BundleVerifier.Audience
  let status: LinkStatus
  let logger: Logger
  /// The root documents by version; 0 is what the keys of the enrolment imply.
  var roots: [UInt64: RootDocument]
  /// The newest of them.
  var root: RootDocument
  /// The lease that was taken last.
  var lease: Lease?
  /// Whether the control plane believes that a lease was refused.
  var hasRefusedLease = false
  /// Told how fresh the policy is, whenever that changes.
  let refresh: @Sendable (PolicyFreshness) async -> Void
  /// Puts a bundle in force; returns when every event loop judges by it.
  private let activate: @Sendable (SignedBundle) async -> Void
  private(set) var inForce: SignedBundle?

  /// - Parameter refresh: Told how fresh the policy is, whenever that changes.
  /// - Throws: ``LinkError`` `identity` when the enrolment has no usable policy key.
  package init(
    state: AgentState, enrolment: Enrolment, status: LinkStatus, logger: Logger,
    refresh: @escaping @Sendable (PolicyFreshness) async -> Void = { _ in },
    activate: @escaping @Sendable (SignedBundle) async -> Void
  ) throws(LinkError) {
    let keys = enrolment.policyPublicKeys.compactMap { PolicyKey(base64: $0) }
    guard !keys.isEmpty else {
      throw LinkError(
        code: .identity,
        message: "the enrolment has no usable policy key: enrol the agent again in an empty state"
          + " folder")
    }
    self.state = state
    self.status = status
    self.logger = logger
    self.activate = activate
    self.refresh = refresh
    audience = .init(organisation: enrolment.organisation, segment: enrolment.segment)
    let implied = RootDocument.implied(organisation: enrolment.organisation, policyKeys: keys)
    root = implied
    roots = [0: implied]
  }

  /// The version in force; 0 for none.
  package var versionInForce: UInt64 { inForce?.payload.version ?? 0 }

  /// The version of the newest root document; 0 for none.
  package var rootVersion: UInt64 { root.version }

  /// Puts the kept bundle in force, so that the agent works while its control plane is away.
  ///
  /// A kept bundle that does not verify is not used: the agent then lets nobody in until it gets
  /// a good one.
  ///
  /// - Returns: Whether a bundle is in force.
  /// - Throws: `AgentStateError` when the state cannot be read.
  package func restore() async throws(AgentStateError) -> Bool {
    try await restoreRoots()
    // Also where the bundle is of no use: what comes next may not be older than the kept lease.
    try await restoreLease()
    guard let stored = try await state.bundle() else { return false }
    let bundle: SignedBundle
    do {
      // By the keys it was accepted under: a rotation since does not make it worse.
      let verifier = BundleVerifier(root: roots[stored.rootVersion] ?? root, audience: audience)
      bundle = try verifier.verifyStored(stored.envelope, accepted: try await highest())
    } catch let error as BundleError {
      logger.error("kept bundle not used", metadata: [LogKey.error: "\(error)"])
      status.refused("the kept \(error)")
      return false
    } catch let error as AgentStateError {
      throw error
    } catch {
      return false
    }
    await putInForce(bundle)
    logger.info("kept bundle in force", metadata: [LogKey.bundleVersion: "\(stored.version)"])
    return true
  }

  /// Judges a bundle that was received; whatever is wrong with it, the one in force stays.
  package func take(_ envelope: [UInt8], now: WallTime) async -> Verdict {
    do {
      let bundle = try BundleVerifier(root: root, audience: audience).verify(
        envelope, newerThan: try await highest(), now: now)
      if bundle.accepted != inForce?.accepted {
        // Kept before it is in force: were it the other way round, a crash between the two would
        // bring the older policy back.
        try await state.accept(
          StoredBundle(
            version: bundle.payload.version, hash: bundle.hash.bytes, envelope: bundle.envelope,
            rootVersion: root.version))
        await putInForce(bundle)
        logger.info(
          "bundle in force",
          metadata: [
            LogKey.bundleVersion: "\(bundle.payload.version)", "hash": "\(bundle.hash)",
          ])
      }
      return Verdict(version: bundle.payload.version, accepted: true, reason: "", detail: "")
    } catch {
      let version = (try? Envelope(encoded: envelope))?.claimedVersion ?? 0
      let verdict: Verdict
      if let error = error as? BundleError {
        verdict = Verdict(
          version: version, accepted: false, reason: error.code.rawValue, detail: error.message)
      } else {
        verdict = Verdict(version: version, accepted: false, reason: "state", detail: "\(error)")
      }
      refuse(verdict)
      return verdict
    }
  }

  func refuse(_ verdict: Verdict) {
    MetricName.agentBundlesRejected.counter([(MetricName.Label.reason, verdict.reason)])
      .increment()
    logger.warning(
      "\(verdict.document.rawValue) refused",
      metadata: [
        "version": "\(verdict.version)", LogKey.reason: "\(verdict.reason)",
        LogKey.error: "\(verdict.detail)",
      ])
    status.refused(
      "\(verdict.document.rawValue) version \(verdict.version) was refused (\(verdict.reason)): \(verdict.detail)",
      of: verdict.document)
  }

  private func putInForce(_ bundle: SignedBundle) async {
    await activate(bundle)
    inForce = bundle
    status.accepted(version: bundle.payload.version)
    await tellFreshness()
  }

  /// Tells how fresh the bundle in force is.
  func tellFreshness() async {
    guard let inForce else { return }
    let freshness = PolicyFreshness(bundle: inForce.payload, lease: lease)
    status.fresh(freshness)
    await refresh(freshness)
  }

  private func highest() async throws(AgentStateError) -> AcceptedVersion? {
    guard let highest = try await state.highestVersion(),
      let hash = BundleHash(bytes: highest.hash)
    else { return nil }
    return AcceptedVersion(version: highest.version, hash: hash)
  }
}
