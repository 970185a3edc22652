package import AgentState
package import GatewayModel
package import Logging
package import SignedBundle
internal import Telemetry

/// Takes bundles in: verify, keep, put in force, answer. One at a time.
package actor BundleAcceptor {
  /// What the agent answers to a bundle.
  package struct Verdict: Hashable, Sendable {
    package var version: UInt64
    package var accepted: Bool
    /// The code of a ``BundleError``, or `state` when keeping it failed; empty when accepted.
    package var reason: String
    package var detail: String
  }

  private let state: AgentState
  private let verifier: BundleVerifier
  private let status: LinkStatus
  private let logger: Logger
  /// Puts a bundle in force; returns when every event loop judges by it.
  private let activate: @Sendable (SignedBundle) async -> Void
  private var inForce: AcceptedVersion?

  /// - Throws: ``LinkError`` `identity` when the enrolment has no usable policy key.
  package init(
    state: AgentState, enrolment: Enrolment, status: LinkStatus, logger: Logger,
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
    verifier = BundleVerifier(
      trustedKeys: keys,
      audience: .init(organisation: enrolment.organisation, segment: enrolment.segment))
  }

  /// The version in force; 0 for none.
  package var versionInForce: UInt64 { inForce?.version ?? 0 }

  /// Puts the kept bundle in force, so that the agent works while its control plane is away.
  ///
  /// A kept bundle that does not verify is not used: the agent then lets nobody in until it gets
  /// a good one.
  ///
  /// - Returns: Whether a bundle is in force.
  /// - Throws: `AgentStateError` when the state cannot be read.
  package func restore() async throws(AgentStateError) -> Bool {
    guard let stored = try await state.bundle() else { return false }
    let bundle: SignedBundle
    do {
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
      let bundle = try verifier.verify(envelope, newerThan: try await highest(), now: now)
      if bundle.accepted != inForce {
        // Kept before it is in force: were it the other way round, a crash between the two would
        // bring the older policy back.
        try await state.accept(
          StoredBundle(
            version: bundle.payload.version, hash: bundle.hash.bytes, envelope: bundle.envelope))
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

  private func refuse(_ verdict: Verdict) {
    MetricName.agentBundlesRejected.counter([(MetricName.Label.reason, verdict.reason)])
      .increment()
    logger.warning(
      "bundle refused",
      metadata: [
        LogKey.bundleVersion: "\(verdict.version)", LogKey.reason: "\(verdict.reason)",
        LogKey.error: "\(verdict.detail)",
      ])
    status.refused(
      "bundle version \(verdict.version) was refused (\(verdict.reason)): \(verdict.detail)")
  }

  private func putInForce(_ bundle: SignedBundle) async {
    await activate(bundle)
    inForce = bundle.accepted
    status.accepted(version: bundle.payload.version)
  }

  private func highest() async throws(AgentStateError) -> AcceptedVersion? {
    guard let highest = try await state.highestVersion(),
      let hash = BundleHash(bytes: highest.hash)
    else { return nil }
    return AcceptedVersion(version: highest.version, hash: hash)
  }
}
