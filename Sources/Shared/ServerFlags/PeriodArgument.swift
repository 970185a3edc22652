internal import ArgumentParser

/// A period as operators write it: a number and `s`, `m`, `h` or `d`, as in `90s` or `24h`.
package struct PeriodArgument: ExpressibleByArgument, Hashable, Sendable {
  /// A hundred years, so that sums cannot overflow.
  static let maximumSeconds = 100 * 366 * 86_400

  package let seconds: Int

  package init(seconds: Int) { self.seconds = seconds }

  /// `nil` unless it is at least a second and at most a hundred years.
  package init?(argument: String) {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = argument.last.flatMap({ units[$0] }),
      argument.dropLast().allSatisfy({ $0.isASCII && $0.isNumber }),
      let number = Int(argument.dropLast()), number > 0,
      number <= Self.maximumSeconds / unit
    else { return nil }
    seconds = number * unit
  }

  package var defaultValueDescription: String {
    if seconds % 3600 == 0 { return "\(seconds / 3600)h" }
    return seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
  }

  package var duration: Duration { .seconds(seconds) }
}
