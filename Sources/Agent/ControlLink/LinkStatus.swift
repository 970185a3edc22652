package import GatewayModel
internal import PeerIdentity
package import SignedBundle
internal import Synchronization
internal import Telemetry

/// How the link stands, for health pages and metrics. Written by the link, read by anyone.
package final class LinkStatus: Sendable {
  package struct Snapshot: Hashable, Sendable {
    package var isAttached = false
    /// Why the link is down, while it is.
    package var linkProblem: String?
    /// The last bundle, lease and root document that were refused, until a newer one is accepted.
    package var refused: [BundleAcceptor.Document: String] = [:]
    /// Until when the bundle may be taken for the newest; `nil` without a bundle.
    package var freshness: PolicyFreshness?
    /// Whether the control plane has said that the agent was removed.
    package var isRemoved = false
    package var bundleVersion: UInt64 = 0
    package var certificateExpiresAt: WallTime?
    /// What keeps a log from being shipped, by log.
    package var shippingProblems: [LogID: String] = [:]
    /// Why the control plane's own log is not watched.
    package var witnessProblem: String?
    /// What is wrong with the control plane's own log.
    package var witnessConflict: String?
  }

  private let state = Mutex(Snapshot())
  private let linkUp = MetricName.agentLinkUp.gauge()
  private let version = MetricName.agentBundleVersion.gauge()
  private let expiry = MetricName.agentCertificateExpiry.gauge()

  package init() { linkUp.set(0) }

  package var snapshot: Snapshot { state.withLock { $0 } }

  /// One line for each thing that is wrong. An agent without its control plane goes on working,
  /// so none of these stops it.
  package func problems(now: WallTime) -> [String] {
    let snapshot = snapshot
    var problems: [String] = []
    if let problem = snapshot.linkProblem, !snapshot.isAttached { problems.append(problem) }
    if snapshot.isRemoved {
      problems.append(
        "an administrator has removed the agent: nobody is let in; enrol it again in an empty state"
          + " folder")
    }
    for document in [BundleAcceptor.Document.root, .bundle, .lease] {
      if let refused = snapshot.refused[document] { problems.append(refused) }
    }
    if let freshness = snapshot.freshness, freshness.state(at: now) != .fresh {
      problems.append(
        "the policy is stale for \(freshness.staleSeconds(at: now)) s: newer policy may be withheld;"
          + " new sessions are refused after \(freshness.maxStaleSeconds) s")
    }
    if let expiry = snapshot.certificateExpiresAt, expiry <= now {
      problems.append(
        "the agent's certificate has expired: the agent asks for a new one as soon as it reaches the"
          + " control plane's API")
    }
    if let conflict = snapshot.witnessConflict { problems.append(conflict) }
    if let problem = snapshot.witnessProblem { problems.append(problem) }
    for (_, problem) in snapshot.shippingProblems.sorted(by: { $0.key.lane < $1.key.lane }) {
      problems.append(problem)
    }
    return problems
  }

  func attached() {
    state.withLock {
      $0.isAttached = true
      $0.linkProblem = nil
    }
    linkUp.set(1)
  }

  /// - Returns: Whether the problem is a new one, which is worth a line in the log.
  func detached(_ problem: String?) -> Bool {
    linkUp.set(0)
    return state.withLock {
      let isNews = $0.isAttached || $0.linkProblem != problem
      $0.isAttached = false
      $0.linkProblem = problem
      return isNews
    }
  }

  func accepted(version number: UInt64) {
    state.withLock {
      $0.bundleVersion = number
      $0.refused[.bundle] = nil
    }
    version.set(Double(number))
  }

  func refused(_ problem: String, of document: BundleAcceptor.Document = .bundle) {
    state.withLock { $0.refused[document] = problem }
  }

  func accepted(_ document: BundleAcceptor.Document) {
    state.withLock { $0.refused[document] = nil }
  }

  func fresh(_ freshness: PolicyFreshness) { state.withLock { $0.freshness = freshness } }

  /// - Returns: Whether that is news.
  func removed(_ isRemoved: Bool) -> Bool {
    state.withLock { snapshot in
      defer { snapshot.isRemoved = isRemoved }
      return snapshot.isRemoved != isRemoved
    }
  }

  func certificate(_ certificate: PeerCertificate) {
    state.withLock { $0.certificateExpiresAt = certificate.notAfter }
    expiry.set(Double(certificate.notAfter.unixNanoseconds / 1_000_000_000))
  }

  func witnessing(problem: String?) { state.withLock { $0.witnessProblem = problem } }

  func witnessing(conflict: String?) { state.withLock { $0.witnessConflict = conflict } }

  /// - Returns: Whether the problem is a new one.
  func shipping(_ log: LogID, problem: String?) -> Bool {
    state.withLock { snapshot in
      let isNews = snapshot.shippingProblems[log] != problem
      snapshot.shippingProblems[log] = problem
      return isNews
    }
  }
}
