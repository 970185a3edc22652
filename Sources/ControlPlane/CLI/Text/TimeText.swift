import Foundation

/// Points in time as people write them and as the API has them.
enum TimeText {
  /// The RFC 3339 text of a filter's time: `1h` is an hour before `now`; `2026-05-04` and
  /// `2026-05-04T03:12` are UTC; RFC 3339 with a zone is taken as it stands.
  ///
  /// `nil` when the text is none of these.
  static func filterTime(_ text: String, now: Date) -> String? {
    if let seconds = DurationText.seconds(text) {
      return rfc3339(now.addingTimeInterval(-Double(seconds)))
    }
    let unified = text.replacing(" ", with: "T", maxReplacements: 1)
    for suffix in ["", "Z", ":00Z", "T00:00:00Z"] where date(unified + suffix) != nil {
      return unified + suffix
    }
    return nil
  }

  /// Reads RFC 3339 with or without a fraction; `nil` when the text is not that.
  static func date(_ text: String) -> Date? {
    let form =
      /(\d{4}-\d{2}-\d{2})[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d{1,12})?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)/
    guard let match = text.wholeMatch(of: form) else { return nil }
    let (day, time, zone) = (String(match.1), String(match.2), match.4.uppercased())
    // Foundation takes 30 February for 2 March.
    guard let local = try? Date("\(day)T\(time)Z", strategy: .iso8601),
      rfc3339(local).hasPrefix(day),
      let date = try? Date("\(day)T\(time)\(zone)", strategy: .iso8601)
    else { return nil }
    return date.addingTimeInterval(match.3.flatMap { Double("0\($0)") } ?? 0)
  }

  /// RFC 3339 in UTC with milliseconds.
  static func rfc3339(_ date: Date) -> String {
    date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  /// For a table: `2026-05-04 03:12:07` in UTC, with milliseconds when `precise`. What cannot be
  /// read is shown as it came, escaped.
  static func shown(_ text: String, precise: Bool = false) -> String {
    guard let date = date(text) else { return EscapedText.line(text) }
    let full = rfc3339(date).replacing("T", with: " ")
    return String(full.prefix(precise ? 23 : 19))
  }

  /// How long ago `text` was, for a table: `12s ago`.
  static func age(_ text: String, now: Date) -> String {
    guard let date = date(text) else { return EscapedText.line(text) }
    let seconds = now.timeIntervalSince(date)
    guard seconds >= 1 else { return "now" }
    return "\(DurationText.short(seconds: Int(min(seconds, 1e12)))) ago"
  }
}
