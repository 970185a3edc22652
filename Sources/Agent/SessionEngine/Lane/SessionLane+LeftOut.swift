import AuditLog
internal import GatewayModel
internal import Logging
import NIOCore
import SessionCore
import Telemetry

/// How many attempts have no record of their own: said in records at most once a second, when the
/// log has room for that, and in the agent's log.
extension SessionLane {
  /// One count that is not yet said.
  private enum LeftOut {
    case strangerRefusals(UInt64)
    /// The subject is empty for principals that are not counted by name.
    case principalRefusals(subject: String, UInt64)
    case unmatchedCancels(UInt64)
    case matchedCancels(UInt64)

    var count: UInt64 {
      switch self {
      case .strangerRefusals(let count), .principalRefusals(_, let count),
        .unmatchedCancels(let count), .matchedCancels(let count):
        count
      }
    }

    var name: String {
      switch self {
      case .strangerRefusals: "refusals of clients without a verified token"
      case .principalRefusals: "refusals of principals"
      case .unmatchedCancels: "cancel requests that match no session"
      case .matchedCancels: "cancel requests of sessions"
      }
    }

    var subject: String {
      if case .principalRefusals(let subject, _) = self { subject } else { "" }
    }
  }

  private var leftOut: [LeftOut] {
    var counts: [LeftOut] = []
    if strangerRefusals.leftOut > 0 { counts.append(.strangerRefusals(strangerRefusals.leftOut)) }
    for (subject, count) in principalRefusals.leftOut {
      counts.append(.principalRefusals(subject: subject, count))
    }
    if unmatchedCancels.leftOut > 0 { counts.append(.unmatchedCancels(unmatchedCancels.leftOut)) }
    if matchedCancels.leftOut > 0 { counts.append(.matchedCancels(matchedCancels.leftOut)) }
    return counts
  }

  func scheduleLeftOut() {
    guard leftOutTimer == nil else { return }
    leftOutTimer = loop.scheduleTask(in: .seconds(1)) {
      self.leftOutTimer = nil
      if self.takesSessions { self.recordLeftOut() }
      if !self.leftOut.isEmpty { self.scheduleLeftOut() }
    }
  }

  /// Says in records of their own how many attempts have none; keeps what the log does not take.
  private func recordLeftOut() {
    for counted in leftOut {
      guard append(counted) else { return }
      forget(counted)
      commons.logger.notice("left out of the records", metadata: Self.metadata(counted))
    }
  }

  /// Says what is left out for the last time, to the agent's log alone where the record log takes
  /// nothing.
  func recordLastLeftOut() {
    leftOutTimer?.cancel()
    leftOutTimer = nil
    recordLeftOut()
    for counted in leftOut {
      commons.logger.error(
        "left out of the records and not counted there: the record log takes nothing",
        metadata: Self.metadata(counted))
    }
  }

  private func append(_ counted: LeftOut) -> Bool {
    switch counted {
    case .unmatchedCancels(let count):
      return append(
        CancelRecord(matched: false, clientAddress: "", leftOut: count), session: nil)
    case .matchedCancels(let count):
      return append(
        CancelRecord(matched: true, clientAddress: "", leftOut: count), session: nil)
    case .strangerRefusals, .principalRefusals: break
    }
    let detail =
      "\(counted.count) more \(counted.name); they came faster than they are recorded one by one"
    return append(
      RefusalRecord(
        reason: ReasonCode.refusalsLeftOut.rawValue, detail: detail, subject: counted.subject,
        leftOut: counted.count),
      session: nil)
  }

  private func forget(_ counted: LeftOut) {
    switch counted {
    case .strangerRefusals: strangerRefusals.forgetLeftOut()
    case .principalRefusals(let subject, _): principalRefusals.forgetLeftOut(subject)
    case .unmatchedCancels: unmatchedCancels.forgetLeftOut()
    case .matchedCancels: matchedCancels.forgetLeftOut()
    }
  }

  private static func metadata(_ counted: LeftOut) -> Logger.Metadata {
    var metadata: Logger.Metadata = ["what": "\(counted.name)", "count": "\(counted.count)"]
    if !counted.subject.isEmpty { metadata[LogKey.principal] = "\(counted.subject)" }
    return metadata
  }
}
