internal import AgentState
package import GatewayModel
internal import Logging
internal import SignedBundle

extension BundleAcceptor {
  /// Takes up the kept lease, so that a restart makes nothing stale and nothing fresh.
  func restoreLease() async throws(AgentStateError) {
    guard let stored = try await state.lease() else { return }
    do {
      lease = try LeaseVerifier(
        root: roots[stored.rootVersion] ?? root, audience: audience
      ).verifyStored(stored.envelope).lease
    } catch {
      logger.error("kept lease not used", metadata: ["error": "\(error)"])
    }
  }

  /// Judges a lease that was received; whatever is wrong with it, the last one stays.
  ///
  /// - Returns: What to answer; `nil` where nothing needs to be said.
  package func takeLease(_ envelope: [UInt8], now: WallTime) async -> Verdict? {
    guard let inForce else {
      // Its bundle was refused, which was answered.
      return nil
    }
    do {
      let verifier = LeaseVerifier(root: root, audience: audience)
      let outcome = try verifier.verify(
        envelope, for: inForce.accepted, after: lease, now: now)
      switch outcome {
      case .known: return nil
      case .behind(let version):
        return refused(
          version, "behind",
          "bundle version \(version) is the current one and has not come; version"
            + " \(inForce.payload.version) stays in force, and is stale when its last lease ends")
      case .renewed(let signed):
        try await state.keep(StoredLease(rootVersion: root.version, envelope: signed.envelope))
        lease = signed.lease
        status.accepted(.lease)
        await tellFreshness()
        guard hasRefusedLease else { return nil }
        hasRefusedLease = false
        return Verdict(
          document: .lease, version: signed.lease.bundleVersion, accepted: true, reason: "",
          detail: "")
      }
    } catch let error as BundleError {
      return refused(
        inForce.payload.version, error.code.rawValue, error.message)
    } catch {
      return refused(inForce.payload.version, "state", "\(error)")
    }
  }

  private func refused(_ version: UInt64, _ reason: String, _ detail: String) -> Verdict {
    hasRefusedLease = true
    let verdict = Verdict(
      document: .lease, version: version, accepted: false, reason: reason, detail: detail)
    refuse(verdict)
    return verdict
  }
}
