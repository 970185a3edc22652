internal import AgentState
internal import GatewayModel
internal import Logging
internal import SignedBundle

extension BundleAcceptor {
  /// Takes up the kept root documents; each is verified again.
  ///
  /// A chain that does not verify is not used: the agent then trusts what its enrolment implies, and
  /// follows the chain that the control plane sends.
  func restoreRoots() async throws(AgentStateError) {
    let stored = try await state.roots()
    guard !stored.isEmpty else { return }
    do {
      adopt(try RootChain.begin(stored.map(\.envelope), organisation: audience.organisation))
    } catch {
      logger.error("kept root documents not used", metadata: ["error": "\(error)"])
      status.refused("the kept root documents: \(error)", of: .root)
    }
  }

  /// Follows a chain of root documents that was received; whatever is wrong with it, nothing of it
  /// is taken.
  package func takeRoots(_ envelopes: [[UInt8]]) async -> Verdict {
    do {
      let steps = try RootChain.follow(envelopes, from: root)
      if !steps.isEmpty {
        // Kept before it is in force, as bundles are.
        try await state.append(
          steps.map { StoredRoot(version: $0.document.version, envelope: $0.envelope) })
        adopt(steps)
        logger.notice("root document in force", metadata: ["root": "\(root.version)"])
      }
      status.accepted(.root)
      return Verdict(
        document: .root, version: root.version, accepted: true, reason: "", detail: "")
    } catch {
      let claimed =
        envelopes.last.flatMap { try? Envelope(encoded: $0) }?.claimedVersion ?? root.version
      var verdict = Verdict(
        document: .root, version: claimed, accepted: false, reason: "state", detail: "\(error)")
      if let error = error as? BundleError {
        (verdict.reason, verdict.detail) = (error.code.rawValue, error.message)
      }
      refuse(verdict)
      return verdict
    }
  }

  private func adopt(_ steps: [SignedRoot]) {
    for step in steps {
      roots[step.document.version] = step.document
      root = step.document
    }
  }
}
