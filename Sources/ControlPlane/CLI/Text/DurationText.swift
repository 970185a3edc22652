/// Durations as people write them: a number and a unit, several in a row: `15m`, `1h30m`, `7d`.
///
/// Units: `s`, `m`, `h`, `d`, `w`. A bare number is refused, since it could mean any of them.
enum DurationText {
  /// The longest duration that is accepted, a hundred years, so that sums cannot overflow.
  static let maximumSeconds = 100 * 366 * 86_400

  /// Seconds of the duration; `nil` when the text is not one, is zero, or is too long.
  static func seconds(_ text: String) -> Int? {
    var total = 0
    var number: Int?
    for character in text {
      if character.isASCII, let digit = character.wholeNumberValue {
        let next = (number ?? 0) * 10 + digit
        guard next <= maximumSeconds else { return nil }
        number = next
        continue
      }
      guard let unit = unitSeconds(character), let count = number else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: unit)
      guard !overflow, product <= maximumSeconds - total else { return nil }
      total += product
      number = nil
    }
    return number == nil && total > 0 ? total : nil
  }

  /// A short form for people: the two largest units that are not zero.
  static func short(seconds: Int) -> String {
    guard seconds > 0 else { return "0s" }
    var rest = seconds
    var parts: [String] = []
    for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")] {
      if rest >= unit { parts.append("\(rest / unit)\(name)") }
      rest %= unit
    }
    return parts.prefix(2).joined()
  }

  private static func unitSeconds(_ unit: Character) -> Int? {
    switch unit {
    case "s": 1
    case "m": 60
    case "h": 3600
    case "d": 86_400
    case "w": 604_800
    default: nil
    }
  }
}
