internal import Foundation
package import GatewayModel

/// Times as the API writes and reads them: RFC 3339 in UTC.
package enum TimeText {
  /// With microseconds, which is what the store keeps: `2026-01-31T03:12:00.000123Z`.
  package static func text(_ time: WallTime) -> String {
    // Rounded down, so that a time before 1970 keeps its order too.
    var seconds = time.unixNanoseconds / 1_000_000_000
    var rest = time.unixNanoseconds % 1_000_000_000
    if rest < 0 {
      seconds -= 1
      rest += 1_000_000_000
    }
    let date = Date(timeIntervalSince1970: TimeInterval(seconds))
    let whole = date.formatted(.iso8601).dropLast()
    let microseconds = String(rest / 1000)
    let padding = String(repeating: "0", count: 6 - microseconds.count)
    return "\(whole).\(padding)\(microseconds)Z"
  }

  /// Reads RFC 3339 with any offset and up to nine digits of fraction; `nil` for anything else.
  package static func time(_ text: String) -> WallTime? {
    guard text.utf8.count <= 64, text.utf8.count >= 20 else { return nil }
    let upper = text.uppercased()
    let body = upper.prefix(19)
    var rest = upper.dropFirst(19)
    var nanoseconds: Int64 = 0
    if rest.first == "." {
      let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
      guard (1...9).contains(digits.count), let value = Int64(digits) else { return nil }
      nanoseconds = value
      for _ in digits.count..<9 { nanoseconds *= 10 }
      rest = rest.dropFirst(1 + digits.count)
    }
    let style = Date.ISO8601FormatStyle()
    guard let date = try? style.parse(String(body) + String(rest)) else { return nil }
    let (scaled, overflow) = Int64(date.timeIntervalSince1970.rounded())
      .multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carried) = scaled.addingReportingOverflow(nanoseconds)
    return overflow || carried ? nil : WallTime(unixNanoseconds: sum)
  }
}
