/// The name of a metric with the text that explains it in the exposition.
package struct MetricName: Sendable, Hashable {
  package let name: String
  package let help: String

  /// Label names; their values must come from a small fixed set.
  package enum Label {
    package static let reason = "reason"
    package static let outcome = "outcome"
    package static let status = "status"
    package static let direction = "direction"
    package static let route = "route"
    package static let method = "method"
  }

  package static let all: [MetricName] = agentMetrics + controlMetrics

  static func describe(in registry: PrometheusRegistry) {
    for metric in all { registry.describe(metric.name, help: metric.help) }
  }
}

/// The agent's metrics.
extension MetricName {
  package static let agentSessionsOpen = MetricName(
    name: "sallyport_agent_sessions_open", help: "Client sessions open now.")
  package static let agentSessions = MetricName(
    name: "sallyport_agent_sessions_total", help: "Client sessions let in.")
  package static let agentRefusals = MetricName(
    name: "sallyport_agent_refusals_total", help: "Refused entries and statements, by reason.")
  package static let agentStatements = MetricName(
    name: "sallyport_agent_statements_total", help: "Statements ended, by outcome.")
  package static let agentStatementSeconds = MetricName(
    name: "sallyport_agent_statement_seconds",
    help: "From the forwarded statement to its last reply.")
  package static let agentBytes = MetricName(
    name: "sallyport_agent_bytes_total",
    help: "Bytes of the PostgreSQL protocol, by direction (from_client, from_server).")
  package static let agentCancels = MetricName(
    name: "sallyport_agent_cancels_total", help: "Cancel requests, by outcome.")
  package static let agentRecords = MetricName(
    name: "sallyport_agent_records_total", help: "Audit records appended to the record logs.")
  package static let agentRecordBytes = MetricName(
    name: "sallyport_agent_record_bytes_total", help: "Bytes appended to the record logs.")
  package static let agentRecordSyncSeconds = MetricName(
    name: "sallyport_agent_record_sync_seconds", help: "Time to sync a record log to disk.")
  package static let agentRecordFailures = MetricName(
    name: "sallyport_agent_record_failures_total",
    help: "Appends or syncs of a record log that failed; traffic stops on each.")
  package static let agentBacklogRecords = MetricName(
    name: "sallyport_agent_backlog_records", help: "Records not yet stored by the control plane.")
  package static let agentShippedRecords = MetricName(
    name: "sallyport_agent_shipped_records_total", help: "Records the control plane has stored.")
  package static let agentShipments = MetricName(
    name: "sallyport_agent_shipments_total", help: "Shipped batches, by the answer's status.")
  package static let agentLinkUp = MetricName(
    name: "sallyport_agent_link_up", help: "1 while attached to the control plane, else 0.")
  package static let agentBundleVersion = MetricName(
    name: "sallyport_agent_bundle_version", help: "The version of the bundle in force.")
  package static let agentBundlesRejected = MetricName(
    name: "sallyport_agent_bundles_rejected_total", help: "Bundles refused, by reason.")
  package static let agentCertificateExpiry = MetricName(
    name: "sallyport_agent_certificate_expiry_seconds",
    help: "When the agent's certificate expires, in Unix seconds.")

  static let agentMetrics: [MetricName] = [
    agentSessionsOpen, agentSessions, agentRefusals, agentStatements, agentStatementSeconds,
    agentBytes, agentCancels, agentRecords, agentRecordBytes, agentRecordSyncSeconds,
    agentRecordFailures, agentBacklogRecords, agentShippedRecords, agentShipments, agentLinkUp,
    agentBundleVersion, agentBundlesRejected, agentCertificateExpiry,
  ]
}

/// The control plane's metrics.
extension MetricName {
  package static let controlRequests = MetricName(
    name: "sallyport_control_http_requests_total",
    help: "HTTPS API requests, by method, route and status.")
  package static let controlRequestSeconds = MetricName(
    name: "sallyport_control_http_request_seconds", help: "Time to answer, by route.")
  package static let controlAttemptsLimited = MetricName(
    name: "sallyport_control_attempts_limited_total",
    help: "Bootstrap and enrolment attempts refused because an address made too many.")
  package static let controlUnauthorized = MetricName(
    name: "sallyport_control_unauthorized_total", help: "Requests without a good API token.")
  package static let controlAgentsAttached = MetricName(
    name: "sallyport_control_agents_attached", help: "Agents attached to this replica now.")
  package static let controlBundlesSent = MetricName(
    name: "sallyport_control_bundles_sent_total", help: "Bundles sent to agents.")
  package static let controlVerdicts = MetricName(
    name: "sallyport_control_bundle_verdicts_total",
    help: "Agents' verdicts on bundles, by outcome (accepted, refused).")
  package static let controlShipments = MetricName(
    name: "sallyport_control_shipments_total", help: "Batches agents shipped, by answer.")
  package static let controlRecordsStored = MetricName(
    name: "sallyport_control_records_stored_total", help: "Audit records stored by this replica.")
  package static let controlShipmentSeconds = MetricName(
    name: "sallyport_control_shipment_seconds", help: "Time to store a batch.")
  package static let controlQuarantines = MetricName(
    name: "sallyport_control_quarantines_total",
    help: "Agents that this replica found to contradict what they had sent.")
  package static let controlDatabaseUp = MetricName(
    name: "sallyport_control_database_up",
    help: "1 when the last readiness check reached the database, else 0.")

  static let controlMetrics: [MetricName] = [
    controlRequests, controlRequestSeconds, controlAttemptsLimited, controlUnauthorized,
    controlAgentsAttached, controlBundlesSent, controlVerdicts, controlShipments,
    controlRecordsStored, controlShipmentSeconds, controlQuarantines,
    controlDatabaseUp,
  ]
}
