/// The paths of the HTTPS API, in one place for the server and its clients.
///
/// Bodies are JSON, keys in camelCase, times RFC 3339 in UTC. Every route but those marked *open*
/// wants `Authorization: Bearer <API token>`.
///
/// | route | request → answer |
/// |---|---|
/// | `GET /healthz`, `GET /readyz`, `GET /metrics` | *open* |
/// | `GET /v1/authority` | *open* → ``AuthorityInfo`` |
/// | `POST /v1/bootstrap` | *open* ``BootstrapRequest`` → ``BootstrapResponse`` |
/// | `POST /v1/enroll` | *open* ``EnrollRequest`` → ``EnrollResponse`` |
/// | `POST /v1/agents/recover` | *open* ``RecoverRequest`` → ``RecoverResponse`` |
/// | `GET /v1/status` | → ``FleetStatus`` |
/// | `GET /v1/connections` | → ``Page`` of ``ConnectionInfo`` |
/// | `POST /v1/connections` | ``ConnectionDraft`` → ``ConnectionInfo`` |
/// | `GET /v1/connections/{name}` | → ``ConnectionInfo`` |
/// | `DELETE /v1/connections/{name}` | → 204 |
/// | `POST /v1/connections/{name}/test` | → ``Page`` of ``ConnectionTestResult``, one for each agent |
/// | `GET /v1/segments/{segment}/sealing-keys` | → ``Page`` of ``SealingKey`` |
/// | `POST /v1/agents/invitations` | ``InvitationDraft`` → ``Invitation`` |
/// | `GET /v1/agents` | → ``Page`` of ``AgentInfo`` |
/// | `GET /v1/agents/{id or prefix}` | → ``AgentInfo`` |
/// | `DELETE /v1/agents/{id}` | → 204 |
/// | `POST /v1/agents/{id}/release` | ``ReleaseRequest`` → ``AgentInfo`` |
/// | `GET /v1/grants` | → ``Page`` of ``GrantInfo`` |
/// | `POST /v1/grants` | ``GrantDraft`` → ``GrantInfo`` |
/// | `DELETE /v1/grants/{name}` | → 204 |
/// | `GET /v1/policy` | → ``PolicyContent`` in force |
/// | `POST /v1/policy` | ``PolicyApplication`` → ``PolicyOutcome`` |
/// | `POST /v1/policy/rollback` | ``PolicyRollback`` → ``PolicyOutcome`` |
/// | `GET /v1/policy/versions?limit=&cursor=` | → ``Page`` of ``PolicyVersionInfo`` |
/// | `GET /v1/policy/versions/{n}` | → ``PolicyContent`` |
/// | `POST /v1/tokens` | ``TokenRequest`` → ``IssuedToken`` |
/// | `GET /v1/audit/statements?…` | → ``Page`` of ``StatementInfo`` |
/// | `GET /v1/audit/control?…` | → ``Page`` of ``ControlLogEntryInfo`` |
/// | `GET /v1/audit/control/checkpoint?from=` | → ``ControlCheckpointInfo`` |
/// | `GET /v1/audit/export?agent=&since=&until=` | → JSON Lines of an export |
/// | `GET /v1/audit/comparison?agent=` | → JSON Lines of a comparison |
/// | `GET /v1/audit/proofs/{agent}/{epoch}/{lane}/{seq}` | → the proof of a record |
/// | `GET /v1/audit/completeness?agent=&since=&until=` | → ``CompletenessReport`` |
/// | `GET /v1/retention` | → ``RetentionInfo`` |
/// | `POST /v1/retention` | ``RetentionChange`` → ``RetentionInfo`` |
/// | `GET /v1/retention/holds` | → ``Page`` of ``LegalHoldInfo`` |
/// | `POST /v1/retention/holds` | ``LegalHoldDraft`` → ``LegalHoldInfo`` |
/// | `POST /v1/retention/holds/{name}/release` | ``ReleaseRequest`` → ``LegalHoldInfo`` |
/// | `GET /v1/retention/days` | → ``Page`` of ``RetentionDay`` |
/// | `GET /v1/retention/days/{day}` | → ``RetentionDayInfo`` |
/// | `POST /v1/retention/days/{day}/prune` | ``PruneRequest`` → ``PruneInfo`` |
/// | `GET /v1/sessions?…` | → ``Page`` of ``SessionInfo`` |
/// | `GET /v1/sessions/{id}?agent=` | → ``Page`` of ``SessionDetail``, one for each agent |
package enum Routes {
  package static let authority = "/v1/authority"
  package static let bootstrap = "/v1/bootstrap"
  package static let enroll = "/v1/enroll"
  package static let recover = "/v1/agents/recover"
  package static let status = "/v1/status"
  package static let connections = "/v1/connections"
  package static let segments = "/v1/segments"
  package static let invitations = "/v1/agents/invitations"
  package static let agents = "/v1/agents"
  package static let grants = "/v1/grants"
  package static let policy = "/v1/policy"
  package static let policyRollback = "/v1/policy/rollback"
  package static let policyVersions = "/v1/policy/versions"
  package static let tokens = "/v1/tokens"
  package static let statements = "/v1/audit/statements"
  package static let controlLog = "/v1/audit/control"
  package static let controlCheckpoint = "/v1/audit/control/checkpoint"
  package static let sessions = "/v1/sessions"
  package static let export = "/v1/audit/export"
  package static let comparison = "/v1/audit/comparison"
  package static let proofs = "/v1/audit/proofs"
  package static let completeness = "/v1/audit/completeness"
  package static let retention = "/v1/retention"
  package static let holds = "/v1/retention/holds"
  package static let retentionDays = "/v1/retention/days"
}
