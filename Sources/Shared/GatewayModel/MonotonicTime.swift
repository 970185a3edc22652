/// A point on a clock that never goes back, in nanoseconds from an arbitrary start.
package struct MonotonicTime: Hashable, Sendable, Comparable {
  package let nanoseconds: Int64
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Nanoseconds from `earlier` to this time; 0 when `earlier` is later.
  package func nanoseconds(since earlier: MonotonicTime) -> Int64 {
    max(0, nanoseconds.subtractingReportingOverflow(earlier.nanoseconds).partialValue)
  }
}

/// Wall-clock time in nanoseconds since 1970-01-01 00:00:00 UTC.
package struct WallTime: Hashable, Sendable, Comparable, Codable {
  package let unixNanoseconds: Int64
  package init(unixNanoseconds: Int64) { self.unixNanoseconds = unixNanoseconds }
  package static func < (left: Self, right: Self) -> Bool {
    left.unixNanoseconds < right.unixNanoseconds
  }
}
