internal import GatewayModel

/// How many records one source of attempts may cause in a second, and how many more it would have
/// caused.
///
/// Without it whoever reaches the port could fill the log. Nothing goes uncounted.
struct RecordAllowance {
  private let perSecond: Int
  private var second = Int64.min
  private var taken = 0
  /// Not recorded one by one and not yet said.
  private(set) var leftOut: UInt64 = 0

  init(perSecond: Int) { self.perSecond = perSecond }

  /// Whether one more record may be written now; counts it as left out when not.
  mutating func admits(at now: MonotonicTime) -> Bool {
    let current = now.wholeSeconds
    if current != second { (second, taken) = (current, 0) }
    guard taken < perSecond else {
      leaveOut()
      return false
    }
    taken += 1
    return true
  }

  /// Counts one that is not recorded by itself.
  mutating func leaveOut() { leftOut &+= 1 }

  /// What was left out is said in a record.
  mutating func forgetLeftOut() { leftOut = 0 }
}

extension MonotonicTime {
  var wholeSeconds: Int64 { nanoseconds / 1_000_000_000 }
}
