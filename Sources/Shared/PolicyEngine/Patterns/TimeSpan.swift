/// A length of time as policies write it: `500ms`, `15s`, `15m`, `2h`, `1d`.
package struct TimeSpan: PolicyText, Comparable {
  /// From 1 to ``maximumMilliseconds``.
  package let milliseconds: Int

  /// A year.
  package static let maximumMilliseconds = 366 * 86_400_000

  private static let units: [(suffix: String, milliseconds: Int)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]

  /// - Returns: `nil` when it is outside of the limits.
  package init?(milliseconds: Int) {
    guard (1...Self.maximumMilliseconds).contains(milliseconds) else { return nil }
    self.milliseconds = milliseconds
  }

  package init(text: String) throws(PatternFailure) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let suffix = text.dropFirst(digits.count)
    guard let count = Int(digits), let unit = Self.units.first(where: { $0.suffix == suffix })
    else {
      throw PatternFailure(
        "\(text.debugDescription) is not a length of time",
        remedy: "write a whole number and a unit (ms, s, m, h, d), such as 15s")
    }
    let product = count.multipliedReportingOverflow(by: unit.milliseconds)
    guard !product.overflow, let span = TimeSpan(milliseconds: product.partialValue) else {
      throw PatternFailure(
        "\"\(text)\" is outside of what a length of time may be", remedy: "write 1ms to 366d")
    }
    self = span
  }

  package var duration: Duration { .milliseconds(milliseconds) }

  /// In the largest unit that is even.
  package var description: String {
    for unit in Self.units.reversed() where milliseconds % unit.milliseconds == 0 {
      return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
    }
    return "\(milliseconds)ms"
  }

  package static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
}
