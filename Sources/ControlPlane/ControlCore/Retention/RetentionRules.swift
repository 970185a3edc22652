package import GatewayModel

/// How long something is kept.
package enum RetentionPeriod: Sendable, Hashable {
  case forever
  case days(Int)

  package init(days: Int?) { self = days.map(RetentionPeriod.days) ?? .forever }

  package var days: Int? { if case .days(let days) = self { days } else { nil } }
}

/// What is set about retention; without any setting everything is kept for ever.
package struct RetentionSettings: Sendable, Equatable {
  /// Of connections without a rule of their own, and of what belongs to no connection.
  package var fleet: RetentionPeriod
  /// By the connection's name; a rule outlives its connection, as the records do.
  package var connections: [String: RetentionPeriod]

  package init(
    fleet: RetentionPeriod = .forever, connections: [String: RetentionPeriod] = [:]
  ) {
    self.fleet = fleet
    self.connections = connections
  }
}

/// An order to keep records until a person releases it.
package struct LegalHold: Sendable, Equatable {
  package var name: String
  /// `nil` for everything.
  package var connection: String?
  package var since: WallTime?
  package var until: WallTime?
  package var reason: String
  package var addedAt: WallTime
  package var addedBy: String
  package var release: Release?

  package struct Release: Sendable, Equatable {
    package var at: WallTime
    package var by: String
    package var reason: String
    package init(at: WallTime, by: String, reason: String) {
      self.at = at
      self.by = by
      self.reason = reason
    }
  }

  package init(
    name: String, connection: String?, since: WallTime?, until: WallTime?, reason: String,
    addedAt: WallTime, addedBy: String, release: Release? = nil
  ) {
    self.name = name
    self.connection = connection
    self.since = since
    self.until = until
    self.reason = reason
    self.addedAt = addedAt
    self.addedBy = addedBy
    self.release = release
  }

  /// Whether a day has something that it holds: by the time of arrival or by the agents' clocks,
  /// so that what arrived late is held too.
  package func covers(_ day: StoredDay) -> Bool {
    guard release == nil else { return false }
    if let connection, !day.connections.contains(connection) { return false }
    let first = min(day.day.start, day.earliest ?? day.day.start)
    let last = max(day.day.end, day.latest ?? day.day.end)
    return (since.map { $0 <= last } ?? true) && (until.map { first < $0 } ?? true)
  }
}

/// What is stored of the agents' records that arrived on one day.
package struct StoredDay: Sendable, Equatable {
  package var day: UTCDay
  package var records: Int64
  package var statements: Int64
  package var bytes: Int64
  /// By the agents' clocks.
  package var earliest: WallTime?
  package var latest: WallTime?
  /// The connections that a session or a statement of it belongs to.
  package var connections: Set<String>
  /// Whether it has records that belong to no connection.
  package var hasOthers: Bool

  package init(
    day: UTCDay, records: Int64 = 0, statements: Int64 = 0, bytes: Int64 = 0,
    earliest: WallTime? = nil, latest: WallTime? = nil, connections: Set<String> = [],
    hasOthers: Bool = false
  ) {
    self.day = day
    self.records = records
    self.statements = statements
    self.bytes = bytes
    self.earliest = earliest
    self.latest = latest
    self.connections = connections
    self.hasOthers = hasOthers
  }
}

/// Decides whether a day may go. Pure.
package struct RetentionRules: Sendable {
  package var settings: RetentionSettings
  package var holds: [LegalHold]
  /// By the clock that stamps arrivals.
  package var now: WallTime

  package init(settings: RetentionSettings, holds: [LegalHold], now: WallTime) {
    self.settings = settings
    self.holds = holds
    self.now = now
  }

  /// Why the day stays, a sentence each; none when it may go. That an earlier day stays is not
  /// asked here.
  package func reasonsToKeep(_ day: StoredDay) -> [String] {
    var reasons = holds.filter { $0.covers(day) }.map { "The hold \"\($0.name)\" covers it." }
    for connection in day.connections.sorted() {
      let own = settings.connections[connection]
      if let text = reason(day.day, own ?? settings.fleet) {
        reasons.append(
          "Connection \"\(connection)\"\(own == nil ? " (fleet's default)" : "") is kept \(text).")
      }
    }
    if day.hasOthers, let text = reason(day.day, settings.fleet) {
      reasons.append("What belongs to no connection (fleet's default) is kept \(text).")
    }
    // The clock may have been put back a little, and then the day gets records again.
    if reasons.isEmpty, let text = reason(day.day, .days(1)) {
      reasons.append("Every day is kept \(text).")
    }
    return reasons
  }

  private func reason(_ day: UTCDay, _ period: RetentionPeriod) -> String? {
    switch period {
    case .forever: return "for ever"
    case .days(let days):
      let end = day.end(keptFor: days)
      guard now < end else { return nil }
      return "for \(days) \(days == 1 ? "day" : "days"), until \(UTCDay(of: end))"
    }
  }
}
