internal import GatewayModel

/// How many refused logins of each principal are recorded one by one in a second, and how many
/// more each had.
///
/// Whoever holds a token that is expired, or good for something else, is known by name and could
/// still fill the log with it. Principals are kept for the second they are seen in, and until what
/// they were left out of is said; one more than the table holds is counted without a name.
struct PrincipalAllowances {
  private let perSecond: Int
  private let maximumPrincipals: Int
  private var second = Int64.min
  private var bySubject: [String: RecordAllowance] = [:]
  /// Not recorded one by one, of principals that the table has no room for.
  private var leftOutUnnamed: UInt64 = 0

  init(perSecond: Int, maximumPrincipals: Int = 256) {
    self.perSecond = perSecond
    self.maximumPrincipals = maximumPrincipals
  }

  /// How many are kept now.
  var count: Int { bySubject.count }

  /// Whether one more record of this principal may be written now; counts it as left out when not.
  mutating func admits(_ subject: String, at now: MonotonicTime) -> Bool {
    if now.wholeSeconds != second {
      second = now.wholeSeconds
      bySubject = bySubject.filter { $0.value.leftOut > 0 }
    }
    guard bySubject[subject] != nil || bySubject.count < maximumPrincipals else {
      leftOutUnnamed &+= 1
      return false
    }
    return bySubject[subject, default: RecordAllowance(perSecond: perSecond)].admits(at: now)
  }

  /// What is left out and not yet said, by subject; the empty one stands for those without a name.
  var leftOut: [(subject: String, count: UInt64)] {
    var sums = bySubject.filter { $0.value.leftOut > 0 }
      .map { (subject: $0.key, count: $0.value.leftOut) }
      .sorted { $0.subject < $1.subject }
    if leftOutUnnamed > 0 { sums.append(("", leftOutUnnamed)) }
    return sums
  }

  /// What was left out of one subject is said in a record.
  mutating func forgetLeftOut(_ subject: String) {
    if subject.isEmpty { leftOutUnnamed = 0 } else { bySubject[subject]?.forgetLeftOut() }
  }
}
