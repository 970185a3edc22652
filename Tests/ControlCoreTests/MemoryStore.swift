import APIModel
import AuditLog
import ControlCore
import Foundation
import GatewayModel
import Synchronization

/// All stores in memory, with the promises of the protocols and nothing more.
final class MemoryStore: RecordingStore {
  struct State {
    var bootstrap: (hash: [UInt8], used: Bool)?
    var tokens: [StoredAPIToken] = []
    var secrets: [SealedSecret] = []
    var roots: [StoredRoot] = []
    var invitations: [[UInt8]: (StoredInvitation, used: WallTime?)] = [:]
    var agents: [EnrolledAgent] = []
    var connections: [StoredConnection] = []
    var policies: [PolicyVersion] = []
    var changes: [String: Int] = [:]
    var bundles: [(IssuedBundle, changes: Int)] = []
    var lastVersion: UInt64 = 0
    var batches: [ShippedBatch] = []
    var statementQueries: [StatementQuery] = []
    var sessionQueries: [SessionQuery] = []
    var sessions: [SessionDetail] = []
    var detailQueries: [SessionDetailQuery] = []
    /// What every question for statements is answered with.
    var statements: [StatementInfo] = []
    var trailEnd: Int64 = 0
    var waitingTexts: [String] = []
    var analysedTexts: [AnalysedText] = []
    /// The control plane's own log.
    var log: [AppendedEntry] = []
    var retention = RetentionSettings()
    var holds: [LegalHold] = []
    /// When set, every act fails with it.
    var failure: ControlError?
    /// Segments whose bundles cannot be issued.
    var unissuable: Set<String> = []
  }

  /// A store that records shares the state with its original.
  final class SharedState: Sendable {
    private let state = Mutex(State())

    func withLock<Result, Failure: Error>(
      _ body: (inout State) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
      try state.withLock { state throws(Failure) -> sending Result in try body(&state) }
    }
  }

  let state: SharedState
  let entry: ControlLogEntry?

  init() { (state, entry) = (SharedState(), nil) }

  private init(_ state: SharedState, _ entry: ControlLogEntry) {
    (self.state, self.entry) = (state, entry)
  }

  func recording(_ entry: ControlLogEntry) -> MemoryStore { MemoryStore(state, entry) }

  func act<Result>(
    _ body: (inout State) throws(ControlError) -> sending Result
  ) throws(ControlError) -> sending Result {
    try state.withLock { state throws(ControlError) -> sending Result in
      if let failure = state.failure { throw failure }
      return try body(&state)
    }
  }

  var stores: ControlStores {
    ControlStores(
      access: self, agents: self, audit: self, backups: self, bundles: self, comparison: self,
      completeness: self, connections: self, controlLog: self, evidence: self,
      policies: self,
      retention: self, secrets: self, status: self)
  }
}

extension MemoryStore: AccessStore {
  func createBootstrapToken(hash: [UInt8], at: WallTime) async throws(ControlError) -> Bool {
    try act { state throws(ControlError) in
      guard state.bootstrap == nil else { return false }
      state.bootstrap = (hash, false)
      try note(&state)
      return true
    }
  }
  func hasBootstrapToken() async throws(ControlError) -> Bool {
    try act { state throws(ControlError) in state.bootstrap != nil }
  }
  func withdrawBootstrapToken(hash: [UInt8]) async throws(ControlError) {
    try act { state throws(ControlError) in
      if let bootstrap = state.bootstrap, bootstrap.hash == hash, !bootstrap.used {
        state.bootstrap = nil
        try note(&state)
      }
    }
  }
  func replaceBootstrapToken(hash: [UInt8], at: WallTime) async throws(ControlError) {
    try act { state throws(ControlError) in
      state.bootstrap = (hash, false)
      try note(&state)
    }
  }
  func redeemBootstrapToken(
    hash: [UInt8], for token: StoredAPIToken
  ) async throws(ControlError) -> Bool {
    try act { state throws(ControlError) in
      guard let bootstrap = state.bootstrap, bootstrap.hash == hash, !bootstrap.used else {
        return false
      }
      state.bootstrap = (hash, true)
      state.tokens.append(token)
      try note(&state)
      return true
    }
  }
  func apiToken(hash: [UInt8]) async throws(ControlError) -> StoredAPIToken? {
    try act { state throws(ControlError) in state.tokens.first { $0.hash == hash } }
  }
}

extension MemoryStore: SecretStore {
  func secrets() async throws(ControlError) -> [SealedSecret] {
    try act { state throws(ControlError) in state.secrets }
  }
  func createSecrets(_ secrets: [SealedSecret]) async throws(ControlError) -> Bool {
    try act { state throws(ControlError) in
      guard state.secrets.isEmpty else { return false }
      state.secrets = secrets
      return true
    }
  }
  func addSecret(_ secret: SealedSecret) async throws(ControlError) {
    try act { state throws(ControlError) in
      if !state.secrets.contains(where: { $0.name == secret.name }) {
        state.secrets.append(secret)
      }
    }
  }
  func rootDocuments(after version: UInt64) async throws(ControlError) -> [StoredRoot] {
    try act { state throws(ControlError) in state.roots.filter { $0.version > version } }
  }
  func addRootDocument(
    _ root: StoredRoot, with secrets: [SealedSecret], at: WallTime
  ) async throws(ControlError) -> Bool {
    try act { state throws(ControlError) in
      guard !state.roots.contains(where: { $0.version == root.version }) else { return false }
      state.roots.append(root)
      state.secrets += secrets
      try note(&state)
      return true
    }
  }
  func controlPlaneID() async throws(ControlError) -> Identifier128 {
    Identifier128(high: 7, low: 7)
  }
}

extension MemoryStore: AgentStore {
  func invite(_ invitation: StoredInvitation) async throws(ControlError) {
    try act { state throws(ControlError) in
      state.invitations[invitation.secretHash] = (invitation, nil)
      state.changes[invitation.segment, default: 0] += 0
      try note(&state)
    }
  }
  func flaw(ofInvitation secretHash: [UInt8]) async throws(ControlError) -> InvitationFlaw {
    try act { state throws(ControlError) in
      guard let (invitation, used) = state.invitations[secretHash] else { return .unknown }
      return used.map { .used(at: $0) } ?? .expired(at: invitation.expiresAt)
    }
  }
  func enrol(
    secretHash: [UInt8], at: WallTime,
    _ enrolled: @escaping @Sendable (StoredInvitation) throws(ControlError) -> EnrolledAgent
  ) async throws(ControlError) -> EnrolledAgent? {
    try act { state throws(ControlError) in
      guard let (invitation, used) = state.invitations[secretHash], used == nil,
        invitation.expiresAt > at
      else { return nil }
      let agent = try enrolled(invitation)
      state.invitations[secretHash] = (invitation, at)
      state.agents.append(agent)
      state.changes[agent.segment, default: 0] += 1
      try note(&state)
      return agent
    }
  }
  func agents(
    segment: String?, includingRemoved: Bool
  ) async throws(ControlError) -> [EnrolledAgent] {
    try act { state throws(ControlError) in
      state.agents.filter {
        (segment == nil || $0.segment == segment) && (includingRemoved || $0.removedAt == nil)
      }
    }
  }
  func agent(_ id: AgentID) async throws(ControlError) -> EnrolledAgent? {
    try act { state throws(ControlError) in state.agents.first { $0.id == id } }
  }
  func agents(withIDPrefix prefix: String) async throws(ControlError) -> [EnrolledAgent] {
    try act { state throws(ControlError) in
      state.agents.filter { $0.id.description.hasPrefix(prefix) }
    }
  }
  func remove(_ id: AgentID, at: WallTime) async throws(ControlError) -> Bool {
    try act { state throws(ControlError) in
      guard let index = state.agents.firstIndex(where: { $0.id == id && $0.removedAt == nil })
      else { return false }
      state.agents[index].removedAt = at
      state.changes[state.agents[index].segment, default: 0] += 1
      try note(&state)
      return true
    }
  }
  private func change(
    _ id: AgentID, _ body: (inout EnrolledAgent) -> Void
  ) throws(ControlError) {
    try act { state throws(ControlError) in
      if let index = state.agents.firstIndex(where: { $0.id == id }) {
        body(&state.agents[index])
        try note(&state)
      }
    }
  }
  func release(_ id: AgentID) async throws(ControlError) -> Bool {
    try act { state throws(ControlError) in
      guard let index = state.agents.firstIndex(where: { $0.id == id && $0.quarantine != nil })
      else { return false }
      state.agents[index].quarantine = nil
      if state.agents[index].lockedAt != nil { state.agents[index].renewsFreely = true }
      state.agents[index].lockedAt = nil
      return true
    }
  }
  func renew(
    _ id: AgentID, at: WallTime,
    _ judge: @escaping @Sendable (EnrolledAgent) throws(ControlError) -> RenewalVerdict
  ) async throws(ControlError) -> RenewalVerdict {
    try act { state throws(ControlError) in
      guard let index = state.agents.firstIndex(where: { $0.id == id }) else {
        throw AgentService.unknown(id)
      }
      let verdict = try judge(state.agents[index])
      switch verdict {
      case .issued(let renewed):
        state.agents[index].certificateFingerprint = renewed.fingerprint
        state.agents[index].certificateExpiresAt = renewed.expiresAt
        state.agents[index].generation = renewed.generation
        state.agents[index].certificateKey = renewed.key
        state.agents[index].renewsFreely = false
        if let at = renewed.recoveredAt { state.agents[index].recoveredAt = at }
      case .locked(let reason):
        state.agents[index].lockedAt = at
        state.agents[index].quarantine = AgentQuarantine(at: at, reason: reason)
      }
      try note(&state)
      return verdict
    }
  }
  func greeted(
    _ id: AgentID, _ greeting: AgentGreeting, at: WallTime
  ) async throws(ControlError) {
    try change(id) {
      $0.lastSeenAt = at
      $0.bundleVersion = greeting.acceptedBundleVersion
    }
  }
  func reported(
    _ id: AgentID, _ health: AgentHealthReport, at: WallTime
  ) async throws(ControlError) {
    try change(id) {
      $0.health = health
      $0.lastSeenAt = at
    }
  }
  func judged(
    _ id: AgentID, _ verdict: BundleVerdictReport, at: WallTime
  ) async throws(ControlError) {
    try change(id) {
      $0.rejection =
        verdict.accepted
        ? nil
        : BundleRejection(
          verdict.document, version: verdict.version, reason: verdict.reason,
          detail: verdict.detail, at: at)
    }
  }
  func detached(
    _ id: AgentID, attachedAt: WallTime, at: WallTime
  ) async throws(ControlError) {
    try change(id) { $0.detachedAt = at }
  }
}

extension MemoryStore: ConnectionStore {
  func connections() async throws(ControlError) -> [StoredConnection] {
    try act { state throws(ControlError) in state.connections }
  }
  func connection(named name: String) async throws(ControlError) -> StoredConnection? {
    try act { state throws(ControlError) in
      state.connections.first { $0.connection.name == name }
    }
  }
  func add(
    _ connection: Connection, at: WallTime, replace: Bool
  ) async throws(ControlError) -> StoredConnection {
    try act { state throws(ControlError) in
      let stored = StoredConnection(connection: connection, createdAt: at)
      state.connections.removeAll { $0.connection.name == connection.name }
      state.connections.append(stored)
      state.changes[connection.segment, default: 0] += 1
      try note(&state)
      return stored
    }
  }
  func removeConnection(named name: String) async throws(ControlError) -> Bool {
    try act { state throws(ControlError) in
      guard let index = state.connections.firstIndex(where: { $0.connection.name == name })
      else { return false }
      let removed = state.connections.remove(at: index)
      state.changes[removed.connection.segment, default: 0] += 1
      try note(&state)
      return true
    }
  }
}

extension MemoryStore: PolicyStore {
  func currentPolicy() async throws(ControlError) -> PolicyVersion? {
    try act { state throws(ControlError) in state.policies.last }
  }
  func policy(version: UInt64) async throws(ControlError) -> PolicyVersion? {
    try act { state throws(ControlError) in
      state.policies.first { $0.head.number == version }
    }
  }
  func policyVersions(
    before: UInt64?, limit: Int
  ) async throws(ControlError) -> [PolicyVersionHead] {
    try act { state throws(ControlError) in
      state.policies.reversed().map(\.head).filter { $0.number < before ?? .max }.prefix(limit)
        .map { $0 }
    }
  }
  func changePolicy(
    _ change: @escaping @Sendable (PolicyBase) throws(ControlError) -> PolicyVersion?
  ) async throws(ControlError) -> PolicyVersion? {
    try act { state throws(ControlError) in
      let base = PolicyBase(
        current: state.policies.last, connections: state.connections.map(\.connection))
      guard let version = try change(base) else { return nil }
      state.policies.append(version)
      for segment in state.changes.keys { state.changes[segment, default: 0] += 1 }
      try note(&state)
      return version
    }
  }
}

extension MemoryStore: BundleStore {
  private static func isDue(_ state: State, _ segment: String, _ refreshBefore: WallTime) -> Bool {
    guard let newest = state.bundles.last(where: { $0.0.segment == segment }) else { return true }
    return newest.changes != state.changes[segment] || newest.0.issuedAt <= refreshBefore
      || newest.0.rootVersion < (state.roots.map(\.version).max() ?? 0)
  }
  func issue(
    segment: String, refreshBefore: WallTime, at: WallTime,
    sign: @escaping @Sendable (SegmentContents, UInt64) throws(ControlError) -> IssuedBundle
  ) async throws(ControlError) -> IssuedBundle? {
    try act { state throws(ControlError) in
      guard let changes = state.changes[segment], Self.isDue(state, segment, refreshBefore)
      else { return nil }
      guard !state.unissuable.contains(segment) else {
        throw ControlError(.internal, "The bundle of \"\(segment)\" is too large.")
      }
      state.lastVersion += 1
      let connections = state.connections.map(\.connection).filter { $0.segment == segment }
      let bundle = try sign(
        SegmentContents(
          segment: segment, connections: connections,
          policies: state.policies.last?.documents ?? []),
        state.lastVersion)
      state.bundles.append((bundle, changes))
      try note(&state)
      return bundle
    }
  }
  func skipVersions(upTo version: UInt64, segment: String) async throws(ControlError) {
    try act { state throws(ControlError) in
      state.lastVersion = max(state.lastVersion, version)
      state.changes[segment, default: 0] += 1
      try note(&state)
    }
  }
  func currentBundle(segment: String) async throws(ControlError) -> IssuedBundle? {
    try act { state throws(ControlError) in
      state.bundles.last { $0.0.segment == segment }?.0
    }
  }
  func fleetState(
    refreshBefore: WallTime, removedSince: WallTime
  ) async throws(ControlError) -> FleetState {
    try act { state throws(ControlError) in
      FleetState(
        versions: Dictionary(
          state.bundles.map { ($0.0.segment, $0.0.version) }, uniquingKeysWith: max),
        due: state.changes.keys.filter { Self.isDue(state, $0, refreshBefore) },
        removedAgents: Set(
          state.agents.filter { ($0.removedAt ?? removedSince) > removedSince }.map(\.id)),
        lockedAgents: Set(state.agents.filter { $0.lockedAt != nil }.map(\.id)),
        rootVersion: state.roots.map(\.version).max() ?? 0)
    }
  }
  func noteSegment(_ segment: String) async throws(ControlError) {
    try act { state throws(ControlError) in state.changes[segment, default: 0] += 0 }
  }
}
