package import GatewayModel

/// Where agents and their invitations are kept.
package protocol AgentStore: RecordingStore {
  /// Stores an invitation under the SHA-256 of its secret.
  func invite(_ invitation: StoredInvitation) async throws(ControlError)
  /// Spends an invitation and enrols the agent that `enrolled` makes of it, both or neither.
  ///
  /// Of any number of concurrent calls with one secret exactly one gets an agent.
  /// - Returns: `nil` when no unspent, unexpired invitation has that hash.
  func enrol(
    secretHash: [UInt8], at: WallTime,
    _ enrolled: @escaping @Sendable (StoredInvitation) throws(ControlError) -> EnrolledAgent
  ) async throws(ControlError) -> EnrolledAgent?
  /// Why no agent is enrolled with this secret; to be asked after ``enrol(secretHash:at:_:)``.
  func flaw(ofInvitation secretHash: [UInt8]) async throws(ControlError) -> InvitationFlaw
  /// Removed agents are left out unless asked for.
  func agents(
    segment: String?, includingRemoved: Bool
  ) async throws(ControlError) -> [EnrolledAgent]
  func agent(_ id: AgentID) async throws(ControlError) -> EnrolledAgent?
  /// The agents whose id begins with `prefix` (lower-case hexadecimal, hyphens as in the id).
  func agents(withIDPrefix prefix: String) async throws(ControlError) -> [EnrolledAgent]
  /// Marks it as removed, drops what was sealed to it, and marks its segment as due for a bundle;
  /// false when there is none or it was removed before.
  func remove(_ id: AgentID, at: WallTime) async throws(ControlError) -> Bool
  /// Ends an agent's quarantine and unlocks its identity, whose next renewal is taken as it comes;
  /// false when it is in none.
  func release(_ id: AgentID) async throws(ControlError) -> Bool
  /// Judges a request for a new certificate and keeps what follows from it, all or nothing; requests
  /// of one agent are judged one after the other.
  ///
  /// - Throws: `forbidden` for an unknown agent, and what `judge` throws.
  func renew(
    _ id: AgentID, at: WallTime,
    _ judge: @escaping @Sendable (EnrolledAgent) throws(ControlError) -> RenewalVerdict
  ) async throws(ControlError) -> RenewalVerdict
  func greeted(_ id: AgentID, _ greeting: AgentGreeting, at: WallTime) async throws(ControlError)
  func reported(_ id: AgentID, _ health: AgentHealthReport, at: WallTime) async throws(ControlError)
  func judged(_ id: AgentID, _ verdict: BundleVerdictReport, at: WallTime)
    async throws(ControlError)
  /// Notes that a link ended, unless the agent was seen on another since `attachedAt`.
  func detached(_ id: AgentID, attachedAt: WallTime, at: WallTime) async throws(ControlError)
}

/// Why an invitation enrols nobody. Only who has its secret is told.
package enum InvitationFlaw: Sendable, Equatable {
  /// There is none with that secret.
  case unknown
  case used(at: WallTime)
  /// Nobody used it in its time.
  case expired(at: WallTime)
}

/// The promise to enrol one agent into a segment.
package struct StoredInvitation: Sendable, Equatable {
  package var secretHash: [UInt8]
  package var segment: String
  /// Where clients will reach the agent, `host:port`.
  package var clientAddress: String
  /// The names and addresses of the agent's certificate.
  package var names: [String]
  package var createdAt: WallTime
  package var expiresAt: WallTime

  package init(
    secretHash: [UInt8], segment: String, clientAddress: String, names: [String],
    createdAt: WallTime, expiresAt: WallTime
  ) {
    self.secretHash = secretHash
    self.segment = segment
    self.clientAddress = clientAddress
    self.names = names
    self.createdAt = createdAt
    self.expiresAt = expiresAt
  }
}
