package import GatewayModel

/// What is stored of one log in a part of the trail. Pure.
package struct LogSpan: Sendable, Equatable {
  /// The time between two records that follow each other.
  package struct Silence: Sendable, Equatable {
    package var from: WallTime
    package var to: WallTime
    package init(from: WallTime, to: WallTime) {
      self.from = from
      self.to = to
    }
    var nanoseconds: Int64 {
      to.unixNanoseconds.subtractingReportingOverflow(from.unixNanoseconds).partialValue
    }
  }

  package var log: LogID
  package var first: UInt64
  package var last: UInt64
  package var count: UInt64
  /// The earliest and the latest by the agent's clock.
  package var firstAt: WallTime
  package var lastAt: WallTime
  /// The longest; `nil` when none is a second long.
  package var silence: Silence?
  /// Ranges of absent records, bounded.
  package var gaps: [Range<UInt64>]

  package init(
    log: LogID, first: UInt64, last: UInt64, count: UInt64, firstAt: WallTime, lastAt: WallTime,
    silence: Silence? = nil, gaps: [Range<UInt64>] = []
  ) {
    self.log = log
    self.first = first
    self.last = last
    self.count = count
    self.firstAt = firstAt
    self.lastAt = lastAt
    self.silence = silence
    self.gaps = gaps
  }

  /// Takes what is stored of the log in the next part of the trail.
  package mutating func join(_ next: LogSpan) {
    if next.first > last, next.first - last > 1 { gaps.append(last + 1..<next.first) }
    gaps += next.gaps
    let between = Silence(from: lastAt, to: next.firstAt)
    for silence in [between, next.silence].compactMap({ $0 })
    where silence.nanoseconds >= 1_000_000_000
      && silence.nanoseconds > (self.silence?.nanoseconds ?? 0)
    {
      self.silence = silence
    }
    count &+= next.count
    first = min(first, next.first)
    last = max(last, next.last)
    firstAt = min(firstAt, next.firstAt)
    lastAt = max(lastAt, next.lastAt)
  }

  /// All gaps of a period that must have the records of `range`.
  static func gaps(of span: LogSpan?, in range: Range<UInt64>) -> [Range<UInt64>] {
    guard let span else { return range.isEmpty ? [] : [range] }
    var gaps = span.gaps
    if span.first > range.lowerBound { gaps.insert(range.lowerBound..<span.first, at: 0) }
    if span.last < range.upperBound, span.last + 1 < range.upperBound {
      gaps.append(span.last + 1..<range.upperBound)
    }
    return gaps
  }
}

/// What is known of a log beside its records.
package struct LogState: Sendable, Equatable {
  package var log: LogID
  /// For people.
  package var name: String
  /// How many records were taken.
  package var size: UInt64
  package var beganAt: WallTime?
  /// When its last checkpoint came.
  package var checkpointAt: WallTime
  package var quarantinedAt: WallTime?
  /// The first that retention has not removed.
  package var prunedBefore: UInt64
  /// What the period must have, as what is stored around it says.
  package var expected: Range<UInt64>

  package init(
    log: LogID, name: String, size: UInt64, beganAt: WallTime?, checkpointAt: WallTime,
    quarantinedAt: WallTime?, prunedBefore: UInt64, expected: Range<UInt64>
  ) {
    self.log = log
    self.name = name
    self.size = size
    self.beganAt = beganAt
    self.checkpointAt = checkpointAt
    self.quarantinedAt = quarantinedAt
    self.prunedBefore = prunedBefore
    self.expected = expected
  }
}
