package import GatewayModel
package import SignedBundle

/// How fresh the policy in force is; immutable.
///
/// Every event loop holds one of its own, exchanged by ``GatewayServer/apply(lease:)``, so that a
/// statement asks it without a lock.
package struct LeaseSnapshot: Sendable {
  private let freshness: PolicyFreshness

  package init(_ freshness: PolicyFreshness) { self.freshness = freshness }

  /// Whether newer policy may have been withheld: records say so.
  package func isStale(at now: WallTime) -> Bool { freshness.state(at: now) != .fresh }

  /// Why nobody new comes in; `nil` while people do.
  package func refusal(at now: WallTime) -> String? {
    guard freshness.state(at: now) == .tooStale else { return nil }
    return "the policy is stale for \(freshness.staleSeconds(at: now)) s, longer than the"
      + " \(freshness.maxStaleSeconds) s that are allowed; check the link to the control plane"
  }
}
