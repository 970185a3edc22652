import Testing

@testable import ControlAPI

@Suite struct AttemptLimiterTests {
  private let start = ContinuousClock.now

  @Test func `a burst is let through, then one for each refill`() throws {
    let limiter = AttemptLimiter(burst: 3, perSecond: 0.5)
    for _ in 0..<3 { try limiter.take(for: "a", at: start) }
    #expect(throws: AttemptLimit(retryAfterSeconds: 2)) { try limiter.take(for: "a", at: start) }
    try limiter.take(for: "b", at: start)
    try limiter.take(for: "a", at: start + .seconds(2))
    #expect(throws: AttemptLimit(retryAfterSeconds: 2)) {
      try limiter.take(for: "a", at: start + .seconds(2))
    }
  }

  @Test func `a good attempt costs nothing`() throws {
    let limiter = AttemptLimiter(burst: 1, perSecond: 0.001)
    for _ in 0..<100 {
      try limiter.take(for: "a", at: start)
      limiter.giveBack(for: "a", at: start)
    }
    #expect(limiter.parties == 0)
  }

  @Test func `the memory is bounded`() throws {
    let limiter = AttemptLimiter(burst: 2, perSecond: 0.001)
    for number in 0..<(AttemptLimiter.maximumParties + 100) {
      try limiter.take(for: "\(number)", at: start + .milliseconds(number))
    }
    #expect(limiter.parties == AttemptLimiter.maximumParties)
  }

  @Test func `a clock that seems to go back gives nothing away`() throws {
    let limiter = AttemptLimiter(burst: 2, perSecond: 1)
    for _ in 0..<2 { try limiter.take(for: "a", at: start) }
    #expect(throws: AttemptLimit.self) { try limiter.take(for: "a", at: start - .seconds(60)) }
    #expect(throws: AttemptLimit.self) { try limiter.take(for: "a", at: start) }
  }
}
