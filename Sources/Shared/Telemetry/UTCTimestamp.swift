#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Wall-clock times in the form of RFC 3339, in UTC.
package enum UTCTimestamp {
  /// The time now, with milliseconds: `2026-01-31T12:00:00.000Z`.
  package static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return text(unixSeconds: Int64(time.tv_sec), milliseconds: Int(time.tv_nsec) / 1_000_000)
  }

  /// The text form of a time; years outside 0 to 9999 are shown as they are.
  package static func text(unixSeconds: Int64, milliseconds: Int) -> String {
    var seconds = time_t(unixSeconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let date =
      "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-"
      + padded(Int(parts.tm_mday), 2)
    let time =
      "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):"
      + padded(Int(parts.tm_sec), 2)
    return "\(date)T\(time).\(padded(milliseconds, 3))Z"
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
