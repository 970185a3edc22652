package import GatewayModel

/// Times of the week: `Mon-Fri 08:00-18:00 Europe/Berlin`, `22:00-06:00`, `Sat,Sun 00:00-24:00`.
///
/// Days left out are all days, a zone left out is UTC. A window that ends before it begins reaches
/// into the next day and belongs to the day it begins on. The clock is that of the wall: where it is
/// put forward or back the window is an hour shorter or longer.
package struct TimeWindow: PolicyText {
  /// Bit 0 is Monday.
  private let days: UInt8
  /// Seconds of the day.
  private let start: Int
  /// Seconds of the day, up to 86400; not later than `start` when the window crosses midnight.
  private let end: Int
  private let zone: ClockZone

  private static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

  package init(text: String) throws(PatternFailure) {
    let refusal = PatternFailure(
      "\(text.debugDescription) is not a time window",
      remedy: "write days, times and zone, such as \"Mon-Fri 08:00-18:00 Europe/Berlin\"")
    var words = text.split(separator: " ", omittingEmptySubsequences: true)[...]
    guard text.utf8.count <= 128, let first = words.first else { throw refusal }
    if first.first?.isNumber == true {
      days = 0x7F
    } else {
      days = try Self.days(first)
      words.removeFirst()
    }
    guard let times = words.popFirst(), words.count < 2 else { throw refusal }
    let ends = times.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let from = Self.seconds(ends[0]), let to = Self.seconds(ends[1]),
      from < 86_400
    else { throw refusal }
    guard from != to else {
      throw PatternFailure(
        "the time window \"\(text)\" ends when it begins", remedy: "write 00:00-24:00 for all day")
    }
    start = from
    end = to
    zone =
      try words.first.map { name throws(PatternFailure) in try ClockZone(text: String(name)) }
      ?? .utc
  }

  package var description: String {
    var words: [String] = []
    if days != 0x7F { words.append(Self.spoken(days)) }
    words.append("\(Self.clock(start))-\(Self.clock(end))")
    if zone != .utc { words.append(zone.description) }
    return words.joined(separator: " ")
  }

  package func contains(_ time: WallTime) -> Bool {
    let unix = time.unixNanoseconds.flooringDivision(by: 1_000_000_000)
    let local = unix + Int64(zone.offset(atUnix: unix))
    let day = local.flooringDivision(by: 86_400)
    let second = Int(local - day * 86_400)
    // 1970-01-01 was a Thursday.
    let weekday = Int((day + 3) - (day + 3).flooringDivision(by: 7) * 7)
    if start < end { return isOn(weekday) && start <= second && second < end }
    return isOn(weekday) && second >= start || isOn((weekday + 6) % 7) && second < end
  }

  private func isOn(_ weekday: Int) -> Bool { days & (1 << UInt8(weekday)) != 0 }

  private static func days(_ text: Substring) throws(PatternFailure) -> UInt8 {
    var days: UInt8 = 0
    for range in text.lowercased().split(separator: ",", omittingEmptySubsequences: false) {
      let ends = range.split(separator: "-", omittingEmptySubsequences: false)
      guard let first = ends.first, let last = ends.last, ends.count <= 2,
        let from = dayNames.firstIndex(of: String(first)),
        let to = dayNames.firstIndex(of: String(last))
      else {
        throw PatternFailure(
          "\"\(range)\" is not a day of the week",
          remedy: "write Mon, Tue, Wed, Thu, Fri, Sat or Sun, such as Mon-Fri or Sat,Sun")
      }
      var day = from
      days |= 1 << UInt8(day)
      while day != to {
        day = (day + 1) % 7
        days |= 1 << UInt8(day)
      }
    }
    return days
  }

  private static func spoken(_ days: UInt8) -> String {
    let names = dayNames.map { $0.prefix(1).uppercased() + $0.dropFirst() }
    var ranges: [String] = []
    var day = 0
    while day < 7 {
      guard days & (1 << UInt8(day)) != 0 else {
        day += 1
        continue
      }
      let first = day
      while day < 6, days & (1 << UInt8(day + 1)) != 0 { day += 1 }
      ranges.append(first == day ? names[first] : "\(names[first])-\(names[day])")
      day += 1
    }
    return ranges.joined(separator: ",")
  }

  /// `HH:MM`.
  private static func seconds(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy(isDigit) }),
      let hours = Int(parts[0]), let minutes = Int(parts[1]), minutes < 60,
      hours < 24 || hours == 24 && minutes == 0
    else { return nil }
    return hours * 3600 + minutes * 60
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func clock(_ seconds: Int) -> String {
    let hours = seconds / 3600
    let minutes = seconds % 3600 / 60
    return "\(hours < 10 ? "0" : "")\(hours):\(minutes < 10 ? "0" : "")\(minutes)"
  }
}

extension Int64 {
  /// The quotient rounded down; `divisor` is positive.
  fileprivate func flooringDivision(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
