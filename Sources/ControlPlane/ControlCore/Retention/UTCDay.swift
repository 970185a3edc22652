package import GatewayModel

/// A day in UTC, as the partitions of the trail have it.
package struct UTCDay: Hashable, Sendable, Comparable, CustomStringConvertible {
  static let nanoseconds: Int64 = 86_400 * 1_000_000_000

  /// Days since January 1, 1970.
  package let number: Int64

  /// The day that a time is in.
  package init(of time: WallTime) {
    let (quotient, remainder) = time.unixNanoseconds.quotientAndRemainder(
      dividingBy: Self.nanoseconds)
    number = remainder < 0 ? quotient - 1 : quotient
  }

  /// Reads `YYYY-MM-DD`; `nil` for anything else.
  package init?(text: String) {
    guard text.utf8.count == 10, let start = TimeText.time(text + "T00:00:00Z") else { return nil }
    self.init(of: start)
    // February 30 is no day.
    guard description == text else { return nil }
  }

  /// Its first moment; saturates for days that ``WallTime`` cannot hold.
  package var start: WallTime { Self.time(number) }
  /// The first moment of the next day.
  package var end: WallTime { Self.time(number.addingReportingOverflow(1).partialValue) }

  /// The first moment so many days after its end.
  func end(keptFor days: Int) -> WallTime {
    let (sum, overflow) = number.addingReportingOverflow(Int64(clamping: days))
    return overflow ? WallTime(unixNanoseconds: .max) : Self.time(sum &+ 1)
  }

  private static func time(_ number: Int64) -> WallTime {
    let (product, overflow) = number.multipliedReportingOverflow(by: nanoseconds)
    return WallTime(unixNanoseconds: overflow ? (number < 0 ? .min : .max) : product)
  }

  package var description: String { String(TimeText.text(start).prefix(10)) }

  package static func < (a: UTCDay, b: UTCDay) -> Bool { a.number < b.number }
}
