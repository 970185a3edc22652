import ControlLink
import Foundation
import GatewayModel
import Metrics
import RecordLog
import SessionEngine
import Synchronization
import SystemClock
import Telemetry

/// How the whole agent is: the worst of its parts.
final class AgentHealth: Sendable {
  let gateway: GatewayServer
  let recordLog: RecordLogDirectory
  let link: LinkStatus
  private let isStopping = Mutex(false)
  private let backlog = MetricName.agentBacklogRecords.gauge()

  init(gateway: GatewayServer, recordLog: RecordLogDirectory, link: LinkStatus) {
    self.gateway = gateway
    self.recordLog = recordLog
    self.link = link
  }

  /// From now on the agent is stopping, which explains all else that can be seen of it.
  func beginStopping() { isStopping.withLock { $0 = true } }

  /// Asks every part now.
  ///
  /// Failing means that logins are refused, or that the control plane has changed its own log. A
  /// missing control plane only degrades: the agent goes on by its bundle.
  func report() async -> AgentHealthReport {
    let log = recordLog.health
    if isStopping.withLock({ $0 }) {
      return AgentHealthReport(
        state: .degraded, problems: ["the agent is stopping"],
        openSessions: gateway.statistics.openSessions, backlogRecords: log.backlogRecords)
    }
    let gateway = await gateway.health()
    let isTampered = link.snapshot.witnessConflict != nil
    let link = link.problems(now: WallTime.now())
    backlog.set(Double(log.backlogRecords))
    var problems: [String] = []
    for problem in gateway.problems + log.problems + link where !problems.contains(problem) {
      problems.append(problem)
    }
    let state: AgentHealthReport.State
    if gateway.state == .failing || log.state == .failing || isTampered {
      state = .failing
    } else if gateway.state == .ok, log.state == .ok, link.isEmpty {
      state = .ok
    } else {
      state = .degraded
    }
    return AgentHealthReport(
      state: state, problems: problems,
      openSessions: self.gateway.statistics.openSessions, backlogRecords: log.backlogRecords)
  }

  /// Whether the agent itself works, whatever the control plane does: nobody gains by a restart of
  /// an agent that has found its control plane out, or whose policy is too old to let anybody in.
  func isWorking() async -> Bool {
    if isStopping.withLock({ $0 }) { return true }
    return await gateway.health().isWorking && recordLog.health.state != .failing
  }

  /// Whether clients can be let in.
  func isReady() async -> Bool {
    guard link.snapshot.bundleVersion > 0, !isStopping.withLock({ $0 }) else { return false }
    return await gateway.health().state != .failing && recordLog.health.state != .failing
  }

  static func json(_ report: AgentHealthReport) -> String {
    struct Form: Encodable {
      var state: String
      var problems: [String]
      var openSessions: UInt64
      var backlogRecords: UInt64
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let form = Form(
      state: report.state.rawValue, problems: report.problems, openSessions: report.openSessions,
      backlogRecords: report.backlogRecords)
    let data = (try? encoder.encode(form)) ?? Data("{}".utf8)
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}
