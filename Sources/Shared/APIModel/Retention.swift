/// How long records are kept.
package struct RetentionInfo: Codable, Sendable, Equatable {
  /// Days that everything is kept for which no connection says otherwise; absent means for ever.
  package var fleetDays: Int?
  package var connections: [ConnectionRetention]

  package init(fleetDays: Int?, connections: [ConnectionRetention]) {
    self.fleetDays = fleetDays
    self.connections = connections
  }
}

/// How long the records of one connection are kept.
package struct ConnectionRetention: Codable, Sendable, Equatable {
  package var connection: String
  /// Absent means for ever.
  package var days: Int?

  package init(connection: String, days: Int?) {
    self.connection = connection
    self.days = days
  }
}

/// A change of how long records are kept.
package struct RetentionChange: Codable, Sendable, Equatable {
  /// Absent means the fleet's default.
  package var connection: String?
  /// Absent means for ever.
  package var days: Int?
  /// Whether the connection has no rule of its own any more, and follows the fleet's.
  package var followsFleet: Bool?

  package init(connection: String?, days: Int?, followsFleet: Bool? = nil) {
    self.connection = connection
    self.days = days
    self.followsFleet = followsFleet
  }
}

/// An order to keep records, whatever retention says.
package struct LegalHoldDraft: Codable, Sendable, Equatable {
  package var name: String
  /// Absent means all connections, and what belongs to none.
  package var connection: String?
  /// RFC 3339, inclusive; absent means from the beginning.
  package var since: String?
  /// RFC 3339, exclusive; absent means without an end.
  package var until: String?
  package var reason: String

  package init(
    name: String, connection: String?, since: String?, until: String?, reason: String
  ) {
    self.name = name
    self.connection = connection
    self.since = since
    self.until = until
    self.reason = reason
  }
}

/// A legal hold as it stands.
package struct LegalHoldInfo: Codable, Sendable, Equatable {
  package var name: String
  package var connection: String?
  package var since: String?
  package var until: String?
  package var reason: String
  package var addedAt: String
  package var addedBy: String
  /// Absent while it holds.
  package var releasedAt: String?
  package var releasedBy: String?
  package var releaseReason: String?

  package init(
    name: String, connection: String?, since: String?, until: String?, reason: String,
    addedAt: String, addedBy: String, releasedAt: String?, releasedBy: String?,
    releaseReason: String?
  ) {
    self.name = name
    self.connection = connection
    self.since = since
    self.until = until
    self.reason = reason
    self.addedAt = addedAt
    self.addedBy = addedBy
    self.releasedAt = releasedAt
    self.releasedBy = releasedBy
    self.releaseReason = releaseReason
  }
}

/// A day of the trail by the time of arrival, in UTC, in a listing.
package struct RetentionDay: Codable, Sendable, Equatable {
  /// `YYYY-MM-DD`.
  package var day: String
  package init(day: String) { self.day = day }
}

/// What a day of the trail holds, and whether it may go.
package struct RetentionDayInfo: Codable, Sendable, Equatable {
  package var day: String
  /// The day's bounds as an export takes them, RFC 3339: the second is the next day's first moment.
  package var since: String
  package var until: String
  /// Of the agents; the control plane's own records stay.
  package var records: Int
  package var statements: Int
  /// Of the records.
  package var bytes: Int
  package var connections: [String]
  package var mayGo: Bool
  /// Why it stays, a sentence each.
  package var reasons: [String]

  package init(
    day: String, since: String, until: String, records: Int, statements: Int, bytes: Int,
    connections: [String], mayGo: Bool, reasons: [String]
  ) {
    self.day = day
    self.since = since
    self.until = until
    self.records = records
    self.statements = statements
    self.bytes = bytes
    self.connections = connections
    self.mayGo = mayGo
    self.reasons = reasons
  }
}

/// That a day was exported and verified and is to be removed.
package struct PruneRequest: Codable, Sendable, Equatable {
  /// The records of one log that the export has of the day.
  package struct Log: Codable, Sendable, Equatable {
    /// `<agent>/<epoch>/<lane>`.
    package var log: String
    package var from: Int
    /// One behind the last.
    package var next: Int
    /// Hexadecimal: of the log's first `next` records, as they were verified.
    package var root: String

    package init(log: String, from: Int, next: Int, root: String) {
      self.log = log
      self.from = from
      self.next = next
      self.root = root
    }
  }

  package var exportFile: String
  /// Hexadecimal, of the file.
  package var exportSHA256: String
  /// The logs of agents that have records of that day, and no others.
  package var logs: [Log]

  package init(exportFile: String, exportSHA256: String, logs: [Log]) {
    self.exportFile = exportFile
    self.exportSHA256 = exportSHA256
    self.logs = logs
  }
}

/// What was removed with a day.
package struct PruneInfo: Codable, Sendable, Equatable {
  package var day: String
  package var records: Int
  package var statements: Int
  package var sessions: Int

  package init(day: String, records: Int, statements: Int, sessions: Int) {
    self.day = day
    self.records = records
    self.statements = statements
    self.sessions = sessions
  }
}
