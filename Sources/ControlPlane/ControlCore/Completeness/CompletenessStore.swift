package import GatewayModel

/// What is asked about completeness: records by the time of arrival.
package struct CompletenessQuery: Sendable, Equatable {
  /// `nil` for all, the control plane among them.
  package var agents: [AgentID]?
  package var since: WallTime?
  package var until: WallTime?

  package init(agents: [AgentID]? = nil, since: WallTime? = nil, until: WallTime? = nil) {
    self.agents = agents
    self.since = since
    self.until = until
  }
}

/// A record of a kind that is asked for, where it stands.
package struct PlacedRecord: Sendable, Equatable {
  package var log: LogID
  package var seq: UInt64
  package var bytes: [UInt8]
  package init(log: LogID, seq: UInt64, bytes: [UInt8]) {
    self.log = log
    self.seq = seq
    self.bytes = bytes
  }
}

/// What is stored of each log, asked part by part.
package protocol CompletenessStore: Sendable {
  /// What is known of each log beside its records.
  func logStates(_ query: CompletenessQuery) async throws(ControlError) -> [LogState]
  /// The parts of the trail in the order of arrival; each is asked on its own.
  func trailParts(_ query: CompletenessQuery) async throws(ControlError) -> [TrailPart]
  /// What a part has of each log; reads every record of it.
  func spans(
    of part: TrailPart, _ query: CompletenessQuery
  ) async throws(ControlError) -> [LogSpan]
  /// Records in which agents say that they have lost some.
  ///
  /// - Parameter limit: The most records.
  func losses(
    _ query: CompletenessQuery, limit: Int
  ) async throws(ControlError) -> [PlacedRecord]
}

/// A part of the trail.
package enum TrailPart: Sendable, Equatable {
  /// The control plane's own records of days that were removed.
  case kept
  case day(UTCDay)
}
