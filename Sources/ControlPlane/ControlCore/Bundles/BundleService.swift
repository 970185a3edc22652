package import GatewayModel
internal import PolicyEngine
internal import SignedBundle
internal import Synchronization

/// Issues each segment's bundle and hands it to those who wait for it.
///
/// A change marks its segment as due in its own transaction, and an issue covers all changes
/// before it. So a change is never lost: should the replica that made it stop before it issues, the
/// next poll of any replica issues in its place.
package struct BundleService: Sendable {
  /// How long a removal is told to links; a link that is open asks every poll interval.
  static let removalMemorySeconds: Int64 = 3600
  /// How far ahead of the database an agent is believed to be, so that no agent can use up the
  /// numbers, which all segments share.
  static let maximumBelievedLead: UInt64 = 1_000_000

  let store: any BundleStore
  let keys: ControlKeys
  let log: ControlLog
  let settings: ControlSettings
  let surroundings: Surroundings
  let watch: FleetWatch

  init(
    store: any BundleStore, keys: ControlKeys, log: ControlLog, settings: ControlSettings,
    surroundings: Surroundings
  ) {
    self.store = store
    self.keys = keys
    self.log = log
    self.settings = settings
    self.surroundings = surroundings
    watch = FleetWatch(surroundings: surroundings)
  }

  /// The newest bundle of a segment; issues the first one when there is none.
  package func currentBundle(segment: String) async throws(ControlError) -> IssuedBundle {
    if let bundle = try await store.currentBundle(segment: segment) { return bundle }
    try await store.noteSegment(segment)
    if let bundle = try await issue(segment) { return bundle }
    // Another replica was faster.
    guard let bundle = try await store.currentBundle(segment: segment) else {
      throw ControlError(
        .unavailable, "The segment \"\(segment)\" has no bundle yet.", remedy: "Try again.")
    }
    return bundle
  }

  /// Waits until the agent's segment has a bundle newer than `version` and returns it.
  ///
  /// For the loop of a link: call it again after each answer.
  /// - Parameter version: what the agent was sent last on this link; 0 at its start.
  /// - Returns: `nil` when `deadline` passed without a newer one.
  /// - Throws: `forbidden` as soon as the agent is removed or locked: cut the link.
  package func nextBundle(
    for agent: AgentID, segment: String, after version: UInt64, within deadline: Duration
  ) async throws(ControlError) -> IssuedBundle? {
    let end = surroundings.now().advanced(by: deadline)
    while true {
      // Taken before the store is asked: what changes between is then not waited for in vain.
      let seen = await watch.version(of: segment)
      if await watch.isRemoved(agent) { throw AgentService.removed(agent) }
      if await watch.isLocked(agent) { throw AgentService.locked(agent) }
      let bundle = try await currentBundle(segment: segment)
      // Another replica has rotated the keys, and this one has not looked since: the bundle is no
      // good without the root document. Where that cannot be read, the poll says so.
      if bundle.rootVersion > keys.signing.rootVersion { try? await keys.signing.refresh() }
      // One that is signed under an older root document is about to be issued again: an agent that
      // has the newer document would refuse it.
      if bundle.version > version, bundle.rootVersion == keys.signing.rootVersion {
        return bundle
      }
      let left = end.unixNanoseconds - surroundings.now().unixNanoseconds
      guard left > 0, !Task.isCancelled else { return nil }
      let isNews = await watch.wait(
        segment: segment, seen: seen, agent: agent, within: .nanoseconds(left))
      guard isNews else { return nil }
    }
  }

  /// Polls the store, issues what is due and wakes who waits, until the task is cancelled.
  package func run() async {
    var failed = false
    while !Task.isCancelled {
      do {
        try await poll()
        failed = false
      } catch {
        // Said once, not twice a second.
        if !failed {
          surroundings.logger.error("looking for changes failed", metadata: ["error": "\(error)"])
        }
        failed = true
      }
      do {
        try await surroundings.sleep(settings.pollInterval)
      } catch {
        return
      }
    }
  }

  /// Issues the bundles that are due now; failures are logged, and the next poll tries again.
  ///
  /// - Parameter segment: Issued before the others, without a look at what is due.
  func issueDue(first segment: String? = nil) async {
    do {
      if let segment { _ = try await issue(segment) }
      try await poll()
    } catch {
      surroundings.logger.error(
        "issuing bundles failed and will be tried again", metadata: ["error": "\(error)"])
    }
  }

  /// Looks for what was changed now and not at the next poll.
  func lookAgain() async { await issueDue() }

  /// The newest version of each segment.
  func currentVersions() async throws(ControlError) -> [String: UInt64] {
    try await state().versions
  }

  /// Sees to it that the next version is above what an agent has accepted, which it is not after
  /// the database was put back to an earlier state: the agent would refuse every bundle.
  func catchUp(segment: String, accepted: UInt64) async throws(ControlError) {
    let current = try await store.currentBundle(segment: segment)?.version ?? 0
    guard accepted > current, accepted - current <= Self.maximumBelievedLead else { return }
    surroundings.logger.warning(
      "an agent has accepted a newer bundle than the database knows; versions are raised",
      metadata: ["segment": "\(segment)", "accepted": "\(accepted)", "current": "\(current)"])
    let entry = log.act(.raiseBundleVersions, on: segment, by: .controlPlane) {
      ["version": .number(Int(clamping: accepted))]
    }
    try await store.recording(entry).skipVersions(upTo: accepted, segment: segment)
    await issueDue(first: segment)
  }

  private var refreshBefore: WallTime {
    surroundings.now().advanced(by: .zero - settings.bundleLifetime / 2)
  }

  private func state() async throws(ControlError) -> FleetState {
    try await store.fleetState(
      refreshBefore: refreshBefore,
      removedSince: surroundings.now().advanced(bySeconds: -Self.removalMemorySeconds))
  }

  private func poll() async throws(ControlError) {
    let state = try await state()
    // First: links learn of removals and of what other replicas issue also while the keys cannot be
    // read.
    await watch.update(state)
    if state.rootVersion > keys.signing.rootVersion { try await keys.signing.refresh() }
    var failure: ControlError?
    // One segment that cannot have a bundle must not keep the others from theirs.
    for segment in state.due {
      do throws(ControlError) {
        _ = try await issue(segment)
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }

  private func issue(_ segment: String) async throws(ControlError) -> IssuedBundle? {
    let now = surroundings.now()
    let signed = Mutex<IssuedBundle?>(nil)
    let entry = log.act(.issueBundle, on: segment, by: .controlPlane) {
      let bundle = signed.withLock { $0 }
      return [
        "version": .number(Int(clamping: bundle?.version ?? 0)),
        "sha256": .text(Hexadecimal.text(bundle?.payloadHash ?? [])),
      ]
    }
    let bundle = try await store.recording(entry).issue(
      segment: segment, refreshBefore: refreshBefore, at: now
    ) { [self] contents, version throws(ControlError) in
      let bundle = try sign(contents, version: version, now: now)
      signed.withLock { $0 = bundle }
      return bundle
    }
    if let bundle {
      surroundings.logger.info(
        "bundle issued",
        metadata: [
          "segment": "\(segment)", "bundle": "\(bundle.version)",
          "bytes": "\(bundle.envelope.count)",
        ])
      await watch.issued(segment: segment, version: bundle.version)
    }
    return bundle
  }

  /// The documents that can concern a connection of the segment.
  private static func policies(
    of contents: SegmentContents
  ) throws(ControlError) -> [PolicyDocument] {
    try contents.policies.documents().filter { document in
      contents.connections.contains { document.on.covers($0) }
    }
  }

  private func sign(
    _ contents: SegmentContents, version: UInt64, now: WallTime
  ) throws(ControlError) -> IssuedBundle {
    let payload = BundlePayload(
      organisation: settings.organisation, segment: contents.segment, version: version,
      issuedAt: now, expiresAt: now.advanced(by: settings.bundleLifetime),
      connections: contents.connections, policies: try Self.policies(of: contents),
      tokenIssuer: ControlKeys.tokenIssuerName, tokenKeys: keys.tokenKeys,
      limits: .init(maxStaleSeconds: Int(clamping: settings.maxStale.components.seconds)))
    let standing = keys.signing.standing
    do {
      let signed = try standing.policySigner.sign(payload)
      return IssuedBundle(
        segment: contents.segment, version: version, envelope: signed.envelope,
        payloadHash: signed.hash.bytes, issuedAt: now, expiresAt: payload.expiresAt,
        rootVersion: standing.root.version)
    } catch {
      throw ControlError(.internal, "Signing the bundle failed: \(error.message).")
    }
  }
}

extension WallTime {
  /// Saturates.
  func advanced(by duration: Duration) -> WallTime {
    let (seconds, attoseconds) = duration.components
    let whole = advanced(bySeconds: seconds)
    let (sum, overflow) = whole.unixNanoseconds.addingReportingOverflow(
      attoseconds / 1_000_000_000)
    return overflow ? whole : WallTime(unixNanoseconds: sum)
  }
}
