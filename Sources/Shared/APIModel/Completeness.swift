/// Whether the audit trail has every record of a period.
package struct CompletenessReport: Codable, Sendable, Equatable {
  package var since: String?
  package var until: String?
  /// When it was made.
  package var at: String
  package var logs: [LogCompleteness]

  package init(since: String?, until: String?, at: String, logs: [LogCompleteness]) {
    self.since = since
    self.until = until
    self.at = at
    self.logs = logs
  }

  /// Whether every log has each record that the period must have, once.
  package var isComplete: Bool { logs.allSatisfy { $0.gaps.isEmpty && $0.records == $0.expected } }
}

/// What the trail has of one log in a period, by the time of arrival.
package struct LogCompleteness: Codable, Sendable, Equatable {
  /// Records that are absent, from the first to the last.
  package struct Gap: Codable, Sendable, Equatable {
    package var first: Int
    package var last: Int
    package init(first: Int, last: Int) {
      self.first = first
      self.last = last
    }
  }

  /// Between two records that follow each other, by the agent's clock.
  package struct Silence: Codable, Sendable, Equatable {
    package var from: String
    package var to: String
    package var seconds: Double
    package init(from: String, to: String, seconds: Double) {
      self.from = from
      self.to = to
      self.seconds = seconds
    }
  }

  /// What the agent itself says it has lost.
  package struct Loss: Codable, Sendable, Equatable {
    package var seq: Int
    package var at: String
    package var reason: String
    package var firstLostSeq: Int
    package var lostAtMost: Int
    package var from: String
    package var to: String

    package init(
      seq: Int, at: String, reason: String, firstLostSeq: Int, lostAtMost: Int, from: String,
      to: String
    ) {
      self.seq = seq
      self.at = at
      self.reason = reason
      self.firstLostSeq = firstLostSeq
      self.lostAtMost = lostAtMost
      self.from = from
      self.to = to
    }
  }

  /// `<agent>/<epoch>/<lane>`.
  package var log: String
  package var agent: String
  /// The agent's host, or `control plane`.
  package var name: String
  /// Absent when the period has no record of it.
  package var first: Int?
  package var last: Int?
  package var records: Int
  /// As many as the period must have.
  package var expected: Int
  /// At most ``maximumGaps``.
  package var gaps: [Gap]
  package var firstAt: String?
  package var lastAt: String?
  /// Absent when no two records are a second apart.
  package var longestSilence: Silence?
  package var losses: [Loss]
  /// Whether the log began in the period.
  package var beganInPeriod: Bool
  /// When its last checkpoint came.
  package var checkpointAt: String
  package var checkpointAgeSeconds: Double
  /// Since when nothing is taken of its agent.
  package var quarantinedAt: String?
  /// Records before this one were removed by retention; absent when none was.
  package var prunedBefore: Int?

  package static let maximumGaps = 100

  package init(
    log: String, agent: String, name: String, first: Int?, last: Int?, records: Int,
    expected: Int, gaps: [Gap], firstAt: String?, lastAt: String?, longestSilence: Silence?,
    losses: [Loss], beganInPeriod: Bool, checkpointAt: String, checkpointAgeSeconds: Double,
    quarantinedAt: String?, prunedBefore: Int?
  ) {
    self.log = log
    self.agent = agent
    self.name = name
    self.first = first
    self.last = last
    self.records = records
    self.expected = expected
    self.gaps = gaps
    self.firstAt = firstAt
    self.lastAt = lastAt
    self.longestSilence = longestSilence
    self.losses = losses
    self.beganInPeriod = beganInPeriod
    self.checkpointAt = checkpointAt
    self.checkpointAgeSeconds = checkpointAgeSeconds
    self.quarantinedAt = quarantinedAt
    self.prunedBefore = prunedBefore
  }
}
