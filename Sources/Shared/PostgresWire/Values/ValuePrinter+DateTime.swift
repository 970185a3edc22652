import NIOCore

private let microsecondsPerSecond: Int64 = 1_000_000
private let microsecondsPerDay: Int64 = 86_400 * microsecondsPerSecond

extension ValuePrinter {
  mutating func printDateTime(
    _ type: BuiltInType, _ reader: inout ValueReader
  ) throws(UnreadableValue) {
    try spend(Cost.ofLayout)
    switch type {
    case .date: try printDate(&reader)
    case .time: try printTimeOfDay(try reader.integer(Int64.self))
    case .timeWithZone:
      try printTimeOfDay(try reader.integer(Int64.self))
      try printZone(secondsWest: try reader.integer(Int32.self))
    case .timestamp: try printTimestamp(&reader, zone: "")
    case .timestampWithZone: try printTimestamp(&reader, zone: "+00")
    case .interval: try printInterval(&reader)
    default: throw UnreadableValue()
    }
  }

  /// Layout: `Int32` days since 2000-01-01; the ends of the range are infinite.
  private mutating func printDate(_ reader: inout ValueReader) throws(UnreadableValue) {
    let days = try reader.integer(Int32.self)
    switch days {
    case .min: try write("-infinity")
    case .max: try write("infinity")
    default:
      let date = CivilDate(daysSince2000: Int(days))
      try printDate(date)
      if date.isBeforeChrist { try write(" BC") }
    }
  }

  /// Layout: `Int64` microseconds since 2000-01-01; the ends of the range are infinite.
  private mutating func printTimestamp(
    _ reader: inout ValueReader, zone: String
  ) throws(UnreadableValue) {
    let value = try reader.integer(Int64.self)
    switch value {
    case .min: return try write("-infinity")
    case .max: return try write("infinity")
    default: break
    }
    var days = value / microsecondsPerDay
    var time = value % microsecondsPerDay
    if time < 0 {
      time += microsecondsPerDay
      days -= 1
    }
    let date = CivilDate(daysSince2000: Int(days))
    try printDate(date)
    try write(" ")
    try printTimeOfDay(time)
    try write(zone)
    if date.isBeforeChrist { try write(" BC") }
  }

  private mutating func printDate(_ date: CivilDate) throws(UnreadableValue) {
    try write(date.isBeforeChrist ? 1 - date.year : date.year, width: 4)
    try write("-")
    try write(date.month, width: 2)
    try write("-")
    try write(date.day, width: 2)
  }

  private mutating func printTimeOfDay(_ microseconds: Int64) throws(UnreadableValue) {
    // 24:00:00 is a time of day too.
    guard (0...microsecondsPerDay).contains(microseconds) else { throw UnreadableValue() }
    try printClock(microseconds.magnitude)
  }

  /// `HH:MM:SS` with as many digits behind as needed.
  private mutating func printClock(_ microseconds: UInt64) throws(UnreadableValue) {
    let seconds = Int(microseconds / UInt64(microsecondsPerSecond))
    try write(seconds / 3600, width: 2)
    try write(":")
    try write(seconds / 60 % 60, width: 2)
    try write(":")
    try write(seconds % 60, width: 2)
    var fraction = Int(microseconds % UInt64(microsecondsPerSecond))
    guard fraction > 0 else { return }
    var width = 6
    while fraction % 10 == 0 {
      fraction /= 10
      width -= 1
    }
    try write(".")
    try write(fraction, width: width)
  }

  private mutating func printZone(secondsWest: Int32) throws(UnreadableValue) {
    let seconds = Int(secondsWest.magnitude)
    try write(secondsWest > 0 ? "-" : "+")
    try write(seconds / 3600, width: 2)
    guard seconds % 3600 != 0 else { return }
    try write(":")
    try write(seconds / 60 % 60, width: 2)
    guard seconds % 60 != 0 else { return }
    try write(":")
    try write(seconds % 60, width: 2)
  }

  /// Layout: `Int64` microseconds, `Int32` days, `Int32` months. Printed in the style `postgres`.
  private mutating func printInterval(_ reader: inout ValueReader) throws(UnreadableValue) {
    let time = try reader.integer(Int64.self)
    let days = try reader.integer(Int32.self)
    let months = try reader.integer(Int32.self)
    if (time, days, months) == (.max, .max, .max) { return try write("infinity") }
    if (time, days, months) == (.min, .min, .min) { return try write("-infinity") }
    var isFirst = true
    var isAfterNegative = false
    for (value, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")]
    where value != 0 {
      try write(isFirst ? "" : " ")
      try write(isAfterNegative && value > 0 ? "+" : "")
      try write("\(value) \(unit)\(value == 1 ? "" : "s")")
      isAfterNegative = value < 0
      isFirst = false
    }
    guard isFirst || time != 0 else { return }
    try write(isFirst ? "" : " ")
    try write(time < 0 ? "-" : isAfterNegative ? "+" : "")
    try printClock(time.magnitude)
  }
}

/// A day of the proleptic Gregorian calendar; year 0 is 1 BC.
private struct CivilDate {
  let year: Int
  let month: Int
  let day: Int

  var isBeforeChrist: Bool { year <= 0 }

  /// By eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
  init(daysSince2000: Int) {
    let daysPerEra = 146_097
    let daysFromEraStartTo2000 = 730_425
    let days = daysSince2000 + daysFromEraStartTo2000
    let era = (days >= 0 ? days : days - daysPerEra + 1) / daysPerEra
    let dayOfEra = days - era * daysPerEra
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / (daysPerEra - 1)) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}
