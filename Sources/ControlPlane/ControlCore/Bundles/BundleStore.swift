package import GatewayModel

/// Where signed bundles are kept, and what they are made of.
package protocol BundleStore: RecordingStore {
  /// Issues the next bundle of a segment if one is due, under the segment's lock.
  ///
  /// Due is a segment whose contents changed since its last bundle, whose last bundle was issued at
  /// or before `refreshBefore`, or was signed under an older root document than the newest. `sign` gets the contents as committed and the version.
  /// - Returns: the new bundle, or `nil` when none was due.
  func issue(
    segment: String, refreshBefore: WallTime, at: WallTime,
    sign: @escaping @Sendable (SegmentContents, UInt64) throws(ControlError) -> IssuedBundle
  ) async throws(ControlError) -> IssuedBundle?
  /// Makes the next version of every segment higher than `version`, and this segment due: for a
  /// store that was put back to an earlier state than agents have seen.
  func skipVersions(upTo version: UInt64, segment: String) async throws(ControlError)
  /// The newest bundle of a segment.
  func currentBundle(segment: String) async throws(ControlError) -> IssuedBundle?
  /// The newest version of every segment that has one, the segments that are due, and the agents
  /// that were removed since a time.
  func fleetState(
    refreshBefore: WallTime, removedSince: WallTime
  ) async throws(ControlError) -> FleetState
  /// Makes a segment known, so that bundles are issued for it.
  func noteSegment(_ segment: String) async throws(ControlError)
}

/// What the poll of a replica looks at.
package struct FleetState: Sendable, Equatable {
  package var versions: [String: UInt64]
  package var due: [String]
  package var removedAgents: Set<AgentID>
  /// The agents whose identity is locked.
  package var lockedAgents: Set<AgentID>
  /// The version of the newest root document.
  package var rootVersion: UInt64
  package init(
    versions: [String: UInt64], due: [String], removedAgents: Set<AgentID>,
    lockedAgents: Set<AgentID>, rootVersion: UInt64
  ) {
    self.versions = versions
    self.due = due
    self.removedAgents = removedAgents
    self.lockedAgents = lockedAgents
    self.rootVersion = rootVersion
  }
}

/// What a segment's bundle is made of.
package struct SegmentContents: Sendable, Equatable {
  package var segment: String
  package var connections: [Connection]
  /// All that are in force, in their order.
  package var policies: [StoredPolicy]
  package init(segment: String, connections: [Connection], policies: [StoredPolicy]) {
    self.segment = segment
    self.connections = connections
    self.policies = policies
  }
}

/// A signed bundle as it goes to agents.
package struct IssuedBundle: Sendable, Equatable {
  package var segment: String
  package var version: UInt64
  /// The DSSE envelope, byte for byte.
  package var envelope: [UInt8]
  /// SHA-256 of the payload.
  package var payloadHash: [UInt8]
  package var issuedAt: WallTime
  package var expiresAt: WallTime
  /// The version of the root document whose keys signed it.
  package var rootVersion: UInt64
  package init(
    segment: String, version: UInt64, envelope: [UInt8], payloadHash: [UInt8],
    issuedAt: WallTime, expiresAt: WallTime, rootVersion: UInt64
  ) {
    self.segment = segment
    self.version = version
    self.envelope = envelope
    self.payloadHash = payloadHash
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
    self.rootVersion = rootVersion
  }
}
