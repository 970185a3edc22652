import APIModel
import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import ControlCore

@Suite struct CompletenessTests {
  private static let log = LogID(
    agent: AgentID(Identifier128(high: 1, low: 2)), epoch: 3, lane: 0)

  private static func time(_ seconds: Int64) -> WallTime {
    WallTime(unixNanoseconds: (1_800_000_000 + seconds) * 1_000_000_000)
  }

  private static func span(
    _ range: ClosedRange<UInt64>, at seconds: ClosedRange<Int64>,
    silence: ClosedRange<Int64>? = nil,
    gaps: [Range<UInt64>] = []
  ) -> LogSpan {
    LogSpan(
      log: log, first: range.lowerBound, last: range.upperBound,
      count: UInt64(range.count - gaps.reduce(0) { $0 + $1.count }),
      firstAt: time(seconds.lowerBound), lastAt: time(seconds.upperBound),
      silence: silence.map {
        LogSpan.Silence(from: time($0.lowerBound), to: time($0.upperBound))
      },
      gaps: gaps)
  }

  @Test func partsAreJoined() {
    var span = Self.span(0...9, at: 0...100, silence: 20...50)
    span.join(Self.span(10...19, at: 110...200, silence: 120...140))
    #expect(span == Self.span(0...19, at: 0...200, silence: 20...50))
    // Between two parts a record is missing, and nothing came for longer than ever.
    span.join(Self.span(21...29, at: 300...400, gaps: [25..<27]))
    #expect(span.gaps == [20..<21, 25..<27])
    #expect(span.silence == LogSpan.Silence(from: Self.time(200), to: Self.time(300)))
    #expect(span.count == 27)
  }

  @Test func lessThanASecondIsNoSilence() {
    var span = Self.span(0...9, at: 0...100)
    var next = Self.span(10...19, at: 101...200)
    next.firstAt = WallTime(unixNanoseconds: Self.time(101).unixNanoseconds - 1)
    span.join(next)
    #expect(span.silence == nil)
  }

  @Test func bothEndsOfThePeriodAreHeldAgainstWhatMustBeThere() {
    let span = Self.span(5...9, at: 0...1, gaps: [7..<8])
    #expect(LogSpan.gaps(of: span, in: 5..<10) == [7..<8])
    #expect(LogSpan.gaps(of: span, in: 3..<12) == [3..<5, 7..<8, 10..<12])
    // What came after the log's size was read is no fault.
    #expect(LogSpan.gaps(of: span, in: 5..<8) == [7..<8])
    #expect(LogSpan.gaps(of: nil, in: 3..<12) == [3..<12])
    #expect(LogSpan.gaps(of: nil, in: 3..<3) == [])
  }

  @Test func theQuestionIsCheckedAndRecorded() async throws {
    let plane = try await Plane()
    let completeness = plane.plane.completeness
    let prepared = try await completeness.prepare(
      agents: [], since: "2026-05-01T00:00:00Z", until: nil, by: plane.caller)
    let last = plane.store.state.withLock { $0.log.last?.body }
    guard case .read(let read) = last else {
      Issue.record("the report left no record")
      return
    }
    #expect(read.what == "completeness")
    let report = try await prepared.make {}
    #expect(report.since == "2026-05-01T00:00:00.000000Z")
    #expect(report.isComplete)
    let error = await #expect(throws: ControlError.self) {
      _ = try await completeness.prepare(
        agents: ["zz"], since: nil, until: nil, by: plane.caller)
    }
    #expect(error?.code == .invalid)
  }
}
