internal import GatewayModel
import Metrics
import SessionCore
import Telemetry

/// The gateway's metrics, looked up once.
struct GatewayMetrics: Sendable {
  let sessionsOpen = MetricName.agentSessionsOpen.gauge()
  let sessions = MetricName.agentSessions.counter()
  let bytesFromClient = MetricName.agentBytes.counter([
    (MetricName.Label.direction, "from_client")
  ])
  let bytesFromServer = MetricName.agentBytes.counter([
    (MetricName.Label.direction, "from_server")
  ])
  let records = MetricName.agentRecords.counter()
  let recordFailures = MetricName.agentRecordFailures.counter()
  let statementSeconds = MetricName.agentStatementSeconds.timer()
  let cancelsMatched = MetricName.agentCancels.counter([(MetricName.Label.outcome, "matched")])
  let cancelsUnmatched = MetricName.agentCancels.counter([(MetricName.Label.outcome, "unmatched")])
  private let completed = Self.outcome("completed")
  private let failed = Self.outcome("failed")
  private let suspended = Self.outcome("suspended")
  private let skipped = Self.outcome("skipped")
  private let unknown = Self.outcome("unknown")
  private let refused = Self.outcome("refused")

  func statements(_ outcome: StatementEnded.Outcome) -> Counter {
    switch outcome {
    case .completed: completed
    case .failed: failed
    case .suspended: suspended
    case .skipped: skipped
    case .unknown: unknown
    case .refused: refused
    }
  }

  /// Looked up each time: refusals are rare and of many reasons.
  func refusals(_ reason: ReasonCode) -> Counter {
    MetricName.agentRefusals.counter([(MetricName.Label.reason, reason.rawValue)])
  }

  private static func outcome(_ name: String) -> Counter {
    MetricName.agentStatements.counter([(MetricName.Label.outcome, name)])
  }
}
