import APIModel
import AuditLog
import ControlCore
import Crypto
import GatewayModel
import Logging
import Synchronization

/// A database that knows one API token, holds the keys, and is away for everything else.
final class AwayStore: AccessStore, AgentStore, AuditStore, BundleStore, ConnectionStore,
  ControlLogStore, PolicyStore, SecretStore, StatusStore
{
  static let apiToken = "spt_0011223344556677"
  /// Stands in the error as the name of the host would.
  static let canary = "canary.internal"

  private var away: ControlError { ControlError(.unavailable, "\(Self.canary) is away") }

  /// Whether agents and connections can be looked up, so that acts get as far as their change.
  private let showsFleet: Bool
  private let told: Mutex<[ControlLogSummary]>

  init(showsFleet: Bool = false) {
    self.showsFleet = showsFleet
    told = Mutex([])
  }

  /// What was to be written into the control plane's own log.
  var summaries: [ControlLogSummary] { told.withLock { $0 } }
  var actions: [String] { summaries.map(\.action) }

  private var agent: EnrolledAgent {
    EnrolledAgent(
      id: AgentID(Identifier128(high: 0x0190_0000_0000_0000, low: 1)), segment: "eu",
      hostname: "h", clientAddress: "gw:5432", names: ["gw"], version: "1",
      auditKey: [UInt8](repeating: 1, count: 32), sealingKey: [UInt8](repeating: 2, count: 32),
      certificateFingerprint: "sha256:00",
      certificateExpiresAt: WallTime(unixNanoseconds: .max),
      enrolledAt: WallTime(unixNanoseconds: 0))
  }

  private var connection: StoredConnection {
    StoredConnection(
      connection: Connection(
        id: Identifier128(high: 0, low: 9), name: "orders", segment: "eu", host: "db", port: 5432,
        database: "d", tls: .require, roles: [DatabaseRole(name: "app")]),
      createdAt: WallTime(unixNanoseconds: 0))
  }

  private func shown<Value>(_ value: Value) throws(ControlError) -> Value {
    guard showsFleet else { throw away }
    return value
  }

  func apiToken(hash: [UInt8]) async throws(ControlError) -> StoredAPIToken? {
    guard hash == Array(SHA256.hash(data: Array(Self.apiToken.utf8))) else { return nil }
    return StoredAPIToken(
      id: Identifier128(high: 0, low: 1), name: "test", hash: hash, role: .admin,
      createdAt: WallTime(unixNanoseconds: 0))
  }

  private let kept = Mutex<[SealedSecret]>([])
  private let roots = Mutex<[StoredRoot]>([])
  func rootDocuments(after version: UInt64) async throws(ControlError) -> [StoredRoot] {
    roots.withLock { $0 }
  }
  func addRootDocument(
    _ root: StoredRoot, with secrets: [SealedSecret], at: WallTime
  ) async throws(ControlError) -> Bool {
    roots.withLock { $0.append(root) }
    return true
  }
  func secrets() async throws(ControlError) -> [SealedSecret] { kept.withLock { $0 } }
  func createSecrets(_ secrets: [SealedSecret]) async throws(ControlError) -> Bool {
    kept.withLock { $0 = secrets }
    return true
  }
  func addSecret(_ secret: SealedSecret) async throws(ControlError) { throw away }
  func controlPlaneID() async throws(ControlError) -> Identifier128 {
    Identifier128(high: 7, low: 7)
  }

  func recording(_ entry: ControlLogEntry) -> AwayStore {
    told.withLock { $0.append(ControlLogSummary(entry.body())) }
    return self
  }
  func append(_ entry: ControlLogEntry) async throws(ControlError) {
    told.withLock { $0.append(ControlLogSummary(entry.body())) }
    throw away
  }
  func checkpoint(of log: LogID) async throws(ControlError) -> SignedHead? { throw away }
  func consistency(
    of log: LogID, from first: UInt64, to size: UInt64
  ) async throws(ControlError) -> [Hash256]? { throw away }
  func entries(_ query: ControlLogQuery) async throws(ControlError) -> [ControlLogItem] {
    throw away
  }
  func witness(
    limit: Int, _ entry: @escaping @Sendable (AgentsWitnessRecord) -> ControlLogEntry
  ) async throws(ControlError) -> Int { throw away }
  func tellEquivocations(
    _ entry: @escaping @Sendable (FoundEquivocation) -> ControlLogEntry
  ) async throws(ControlError) { throw away }

  func createBootstrapToken(hash: [UInt8], at: WallTime) async throws(ControlError) -> Bool {
    throw away
  }
  func hasBootstrapToken() async throws(ControlError) -> Bool { throw away }
  func withdrawBootstrapToken(hash: [UInt8]) async throws(ControlError) { throw away }
  func replaceBootstrapToken(hash: [UInt8], at: WallTime) async throws(ControlError) { throw away }
  func redeemBootstrapToken(
    hash: [UInt8], for token: StoredAPIToken
  ) async throws(ControlError) -> Bool {
    if hash == Array(SHA256.hash(data: Array("spb_wrong".utf8))) { return false }
    throw away
  }
  func invite(_ invitation: StoredInvitation) async throws(ControlError) { throw away }
  func enrol(
    secretHash: [UInt8], at: WallTime,
    _ enrolled: @escaping @Sendable (StoredInvitation) throws(ControlError) -> EnrolledAgent
  ) async throws(ControlError) -> EnrolledAgent? { throw away }
  func flaw(ofInvitation secretHash: [UInt8]) async throws(ControlError) -> InvitationFlaw {
    throw away
  }
  func agents(
    segment: String?, includingRemoved: Bool
  ) async throws(ControlError) -> [EnrolledAgent] { try shown([agent]) }
  func agent(_ id: AgentID) async throws(ControlError) -> EnrolledAgent? { throw away }
  func agents(withIDPrefix prefix: String) async throws(ControlError) -> [EnrolledAgent] {
    try shown([agent])
  }
  func remove(_ id: AgentID, at: WallTime) async throws(ControlError) -> Bool { throw away }
  func release(_ id: AgentID) async throws(ControlError) -> Bool { throw away }
  func renew(
    _ id: AgentID, at: WallTime,
    _ judge: @escaping @Sendable (EnrolledAgent) throws(ControlError) -> RenewalVerdict
  ) async throws(ControlError) -> RenewalVerdict { throw away }
  func greeted(
    _ id: AgentID, _ greeting: AgentGreeting, at: WallTime
  ) async throws(ControlError) { throw away }
  func reported(
    _ id: AgentID, _ health: AgentHealthReport, at: WallTime
  ) async throws(ControlError) { throw away }
  func judged(
    _ id: AgentID, _ verdict: BundleVerdictReport, at: WallTime
  ) async throws(ControlError) { throw away }
  func detached(
    _ id: AgentID, attachedAt: WallTime, at: WallTime
  ) async throws(ControlError) { throw away }
  func ingest(_ batch: ShippedBatch) async throws(ControlError) -> IngestAnswer {
    throw away
  }
  func position(of log: LogID) async throws(ControlError) -> IngestAnswer { throw away }
  func statements(_ query: StatementQuery) async throws(ControlError) -> Page<StatementInfo> {
    throw away
  }
  func sessions(_ query: SessionQuery) async throws(ControlError) -> Page<SessionInfo> {
    throw away
  }
  func sessions(
    _ query: SessionDetailQuery
  ) async throws(ControlError) -> [SessionDetail] { throw away }
  func trailEnd() async throws(ControlError) -> Int64 { throw away }
  func claimTexts(
    limit: Int, maximumBytes: Int
  ) async throws(ControlError) -> [WaitingText] { throw away }
  func settle(_ texts: [AnalysedText]) async throws(ControlError) { throw away }
  func issue(
    segment: String, refreshBefore: WallTime, at: WallTime,
    sign: @escaping @Sendable (SegmentContents, UInt64) throws(ControlError) -> IssuedBundle
  ) async throws(ControlError) -> IssuedBundle? { throw away }
  func skipVersions(upTo version: UInt64, segment: String) async throws(ControlError) {
    throw away
  }
  func currentBundle(segment: String) async throws(ControlError) -> IssuedBundle? { throw away }
  func fleetState(
    refreshBefore: WallTime, removedSince: WallTime
  ) async throws(ControlError) -> FleetState { throw away }
  func noteSegment(_ segment: String) async throws(ControlError) { throw away }
  func connections() async throws(ControlError) -> [StoredConnection] { try shown([connection]) }
  func connection(named name: String) async throws(ControlError) -> StoredConnection? {
    try shown(connection)
  }
  func add(
    _ connection: Connection, at: WallTime, replace: Bool
  ) async throws(ControlError) -> StoredConnection { throw away }
  func removeConnection(named name: String) async throws(ControlError) -> Bool { throw away }
  func currentPolicy() async throws(ControlError) -> PolicyVersion? { throw away }
  func policy(version: UInt64) async throws(ControlError) -> PolicyVersion? {
    try shown(
      PolicyVersion(
        head: PolicyVersionHead(
          number: version, createdAt: WallTime(unixNanoseconds: 0), createdBy: "a", digest: [],
          documents: 0), documents: []))
  }
  func policyVersions(
    before: UInt64?, limit: Int
  ) async throws(ControlError) -> [PolicyVersionHead] { throw away }
  func changePolicy(
    _ change: @escaping @Sendable (PolicyBase) throws(ControlError) -> PolicyVersion?
  ) async throws(ControlError) -> PolicyVersion? { throw away }
  func counts() async throws(ControlError) -> StoredCounts { throw away }
  func ping() async throws(ControlError) { throw away }

  /// A control plane over this store.
  func plane() async throws -> ControlPlane {
    let settings = ControlSettings(
      organisation: "acme", version: "0.1", linkAddress: "control:8444",
      serverNames: ["localhost"])
    let surroundings = Surroundings(
      now: { WallTime(unixNanoseconds: 1_800_000_000_000_000_000) },
      sleep: { try await Task.sleep(for: $0) },
      randomBytes: { count in (0..<count).map { _ in UInt8.random(in: 0...255) } },
      logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
    return ControlPlane(
      settings: settings,
      keys: try await ControlKeys.open(
        store: self, wrappingKey: WrappingKey(), settings: settings, surroundings: surroundings),
      stores: ControlStores(
        access: self, agents: self, audit: self, backups: self, bundles: self, comparison: self,
        completeness: self, connections: self, controlLog: self, evidence: self,
        policies: self,
        retention: self, secrets: self, status: self),
      surroundings: surroundings)
  }

  private final class WrappingKey: WrappingKeySource {
    let name = "test"
    private let key = Mutex<[UInt8]?>(nil)
    func read() async throws(ControlError) -> [UInt8]? { key.withLock { $0 } }
    func create(_ key: [UInt8]) async throws(ControlError) { self.key.withLock { $0 = key } }
  }
}
