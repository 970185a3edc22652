package import GatewayModel

/// Until when the bundle in force may be taken for the newest, and until when it lets people in.
package struct PolicyFreshness: Hashable, Sendable {
  /// A day: what a control plane that is away may take.
  package static let defaultMaxStaleSeconds: Int64 = 24 * 3600

  package enum State: Hashable, Sendable {
    case fresh
    /// Newer policy may have been withheld; what is recorded says so.
    case stale
    /// No new session comes in.
    case tooStale
  }

  /// The end of the last lease.
  package var leaseExpiresAt: WallTime
  package var maxStaleSeconds: Int64

  package init(leaseExpiresAt: WallTime, maxStaleSeconds: Int64 = defaultMaxStaleSeconds) {
    self.leaseExpiresAt = leaseExpiresAt
    self.maxStaleSeconds = max(0, maxStaleSeconds)
  }

  /// How it stands with a bundle; before the first lease the bundle's own issue counts as one of
  /// the default life.
  package init(bundle: BundlePayload, lease: Lease?) {
    self.init(
      leaseExpiresAt: lease?.expiresAt
        ?? bundle.issuedAt.advanced(bySeconds: Lease.defaultSeconds),
      maxStaleSeconds: bundle.limits.maxStaleSeconds.map { Int64($0) }
        ?? Self.defaultMaxStaleSeconds)
  }

  package func state(at now: WallTime) -> State {
    if now < leaseExpiresAt { return .fresh }
    return now < leaseExpiresAt.advanced(bySeconds: maxStaleSeconds) ? .stale : .tooStale
  }

  /// Whole seconds since the lease ended; 0 while it holds.
  package func staleSeconds(at now: WallTime) -> Int64 {
    let passed = now.unixNanoseconds.subtractingReportingOverflow(leaseExpiresAt.unixNanoseconds)
    return passed.overflow ? .max : max(0, passed.partialValue / UnixSeconds.nanoseconds)
  }
}
