/// How long to wait before the next try: doubling, bounded, and with jitter, so that many agents
/// do not come back at once.
package struct Backoff: Hashable, Sendable {
  private let first: Duration
  private let longest: Duration
  private var next: Duration

  package init(first: Duration = .milliseconds(500), longest: Duration = .seconds(15)) {
    self.first = first
    self.longest = longest
    next = first
  }

  /// The wait before the next try.
  ///
  /// - Parameter random: 0 to 1; the wait is between half of its length and all of it.
  package mutating func wait(random: Double) -> Duration {
    let wait = next
    next = min(next * 2, longest)
    return wait * (0.5 + 0.5 * min(1, max(0, random)))
  }

  /// Begins again with the shortest wait.
  package mutating func reset() { next = first }
}
