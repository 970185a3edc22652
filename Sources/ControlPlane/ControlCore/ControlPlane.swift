internal import GatewayModel

/// How the organisation's control plane is set up.
package struct ControlSettings: Sendable {
  /// The organisation's name; bundles and certificates carry it.
  package var organisation: String
  /// The version of this program.
  package var version: String
  /// Where agents dial, `host:port`.
  package var linkAddress: String
  /// The names and addresses in the control plane's own certificate.
  package var serverNames: [String]
  /// How long a bundle is good for; it is issued again at half of it.
  package var bundleLifetime: Duration = .seconds(7 * 24 * 3600)
  /// How long an agent's certificate is good for.
  package var certificateLifetime: Duration = .seconds(24 * 3600)
  /// How long a lease is good for; it is issued again at a third of it.
  package var leaseLifetime: Duration = .seconds(300)
  /// How long after the end of its last lease an agent still lets new sessions in.
  package var maxStale: Duration = .seconds(24 * 3600)
  /// How often this replica looks for what other replicas changed.
  package var pollInterval: Duration = .milliseconds(500)
  /// An agent that was silent for this long is shown as offline.
  package var offlineAfter: Duration = .seconds(30)

  package init(organisation: String, version: String, linkAddress: String, serverNames: [String]) {
    self.organisation = organisation
    self.version = version
    self.linkAddress = linkAddress
    self.serverNames = serverNames
  }
}

/// The stores that the services keep their things in.
package struct ControlStores: Sendable {
  package var access: any AccessStore
  package var agents: any AgentStore
  package var audit: any AuditStore
  package var backups: any BackupStore
  package var bundles: any BundleStore
  package var comparison: any ComparisonStore
  package var completeness: any CompletenessStore
  package var connections: any ConnectionStore
  package var controlLog: any ControlLogStore
  package var evidence: any EvidenceStore
  package var policies: any PolicyStore
  package var retention: any RetentionStore
  package var secrets: any SecretStore
  package var status: any StatusStore

  package init(
    access: any AccessStore, agents: any AgentStore, audit: any AuditStore,
    backups: any BackupStore, bundles: any BundleStore, comparison: any ComparisonStore,
    completeness: any CompletenessStore, connections: any ConnectionStore,
    controlLog: any ControlLogStore,
    evidence: any EvidenceStore, policies: any PolicyStore, retention: any RetentionStore,
    secrets: any SecretStore, status: any StatusStore
  ) {
    self.access = access
    self.agents = agents
    self.audit = audit
    self.backups = backups
    self.bundles = bundles
    self.comparison = comparison
    self.completeness = completeness
    self.connections = connections
    self.controlLog = controlLog
    self.evidence = evidence
    self.policies = policies
    self.retention = retention
    self.secrets = secrets
    self.status = status
  }
}

/// All services of one replica; the transports call these and nothing else.
package struct ControlPlane: Sendable {
  package let settings: ControlSettings
  package let keys: ControlKeys
  package let access: AccessService
  package let agents: AgentService
  package let audit: AuditService
  package let backups: BackupService
  package let bundles: BundleService
  package let completeness: CompletenessService
  package let connections: ConnectionService
  package let connectionTests: ConnectionTests
  package let controlLog: ControlLog
  package let evidence: EvidenceService
  package let grants: GrantService
  package let policies: PolicyService
  package let retention: RetentionService
  package let roots: RootService
  package let status: StatusService
  package let tokens: TokenService
  let texts: TextAnalysis

  package init(
    settings: ControlSettings, keys: ControlKeys, stores: ControlStores,
    surroundings: Surroundings
  ) {
    self.settings = settings
    self.keys = keys
    let log = ControlLog(keys: keys, store: stores.controlLog, surroundings: surroundings)
    controlLog = log
    access = AccessService(store: stores.access, log: log, surroundings: surroundings)
    bundles = BundleService(
      store: stores.bundles, keys: keys, log: log, settings: settings,
      surroundings: surroundings)
    connectionTests = ConnectionTests(surroundings: surroundings)
    agents = AgentService(
      store: stores.agents, bundles: bundles, tests: connectionTests, keys: keys,
      log: log, settings: settings, surroundings: surroundings)
    audit = AuditService(store: stores.audit, log: log, surroundings: surroundings)
    backups = BackupService(store: stores.backups, log: log)
    texts = TextAnalysis(store: stores.audit, surroundings: surroundings)
    evidence = EvidenceService(
      store: stores.evidence, tables: stores.comparison, keys: keys, log: log,
      surroundings: surroundings)
    completeness = CompletenessService(
      store: stores.completeness, evidence: evidence, log: log, surroundings: surroundings)
    connections = ConnectionService(
      store: stores.connections, agents: stores.agents, bundles: bundles, tests: connectionTests,
      log: log, settings: settings, surroundings: surroundings)
    policies = PolicyService(
      store: stores.policies, connections: stores.connections, bundles: bundles, log: log,
      surroundings: surroundings)
    grants = GrantService(policies: policies, surroundings: surroundings)
    retention = RetentionService(
      store: stores.retention, log: log, surroundings: surroundings)
    roots = RootService(
      store: stores.secrets, keys: keys, log: log, settings: settings, surroundings: surroundings)
    status = StatusService(
      store: stores.status, agents: stores.agents, bundles: bundles, settings: settings,
      surroundings: surroundings)
    tokens = TokenService(
      connections: stores.connections, keys: keys, log: log, settings: settings,
      surroundings: surroundings)
  }

  /// Does what the control plane does on its own until the task is cancelled: issues bundles that
  /// are due, and wakes those who wait for them or for news of the trail, and
  /// reads facts out of SQL texts. Run it in every replica.
  package func run() async {
    async let trail: Void = audit.run()
    async let texts: Void = texts.run()
    async let log: Void = controlLog.run()
    await bundles.run()
    await trail
    await texts
    await log
  }
}
