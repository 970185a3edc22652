import APIModel
import AuditLog
import ControlCore
import GatewayModel
import Testing

@Suite struct RetentionTests {
  private static func time(_ text: String) throws -> WallTime {
    try #require(TimeText.time(text))
  }

  private static func day(_ connections: Set<String>, hasOthers: Bool = false) throws -> StoredDay {
    StoredDay(
      day: try #require(UTCDay(text: "2026-05-04")), records: 10, connections: connections,
      hasOthers: hasOthers)
  }

  private static func rules(
    _ now: String, fleet: Int? = nil, _ connections: [String: Int?] = [:],
    holds: [LegalHold] = []
  ) throws -> RetentionRules {
    RetentionRules(
      settings: RetentionSettings(
        fleet: RetentionPeriod(days: fleet),
        connections: connections.mapValues { RetentionPeriod(days: $0) }),
      holds: holds, now: try time(now))
  }

  private static func hold(
    _ connection: String? = nil, since: String? = nil, until: String? = nil
  ) throws -> LegalHold {
    LegalHold(
      name: "case-7", connection: connection, since: try since.map(time),
      until: try until.map(time), reason: "r", addedAt: try time("2026-06-01T00:00:00Z"),
      addedBy: "ci")
  }

  @Test func days() throws {
    let day = try #require(UTCDay(text: "2028-02-29"))
    #expect("\(day)" == "2028-02-29")
    #expect(TimeText.text(day.start) == "2028-02-29T00:00:00.000000Z")
    #expect(TimeText.text(day.end) == "2028-03-01T00:00:00.000000Z")
    #expect(UTCDay(of: day.end).number == day.number + 1)
    #expect(UTCDay(of: WallTime(unixNanoseconds: day.end.unixNanoseconds - 1)) == day)
    #expect("\(UTCDay(of: WallTime(unixNanoseconds: -1)))" == "1969-12-31")
    for text in ["", "2027-02-29", "2026-5-4", "2026-05-04T", "x026-05-04", "2026-13-01"] {
      #expect(UTCDay(text: text) == nil, "\(text)")
    }
  }

  @Test func theLongestPeriodDecides() throws {
    let day = try Self.day(["orders", "payroll"])
    let periods: [String: Int?] = ["orders": 30, "payroll": 60]
    // The day ends with May 4.
    #expect(try Self.rules("2026-07-03T23:59:59Z", periods).reasonsToKeep(day).count == 1)
    #expect(try Self.rules("2026-07-04T00:00:00Z", periods).reasonsToKeep(day) == [])
    #expect(
      try Self.rules("2026-06-01T00:00:00Z", periods).reasonsToKeep(day) == [
        "Connection \"orders\" is kept for 30 days, until 2026-06-04.",
        "Connection \"payroll\" is kept for 60 days, until 2026-07-04.",
      ])
  }

  @Test func withoutASettingEverythingStays() throws {
    for day in [try Self.day(["orders"]), try Self.day([], hasOthers: true)] {
      let reasons = try Self.rules("2126-07-03T00:00:00Z").reasonsToKeep(day)
      #expect(reasons.count == 1)
      #expect(reasons.first?.contains("for ever") == true)
      #expect(try Self.rules("2126-07-03T00:00:00Z", fleet: 1).reasonsToKeep(day) == [])
    }
    // A connection's own rule is stronger than the fleet's, and says nothing of the rest.
    let own: [String: Int?] = ["orders": nil]
    #expect(
      try Self.rules("2126-07-03T00:00:00Z", fleet: 1, own).reasonsToKeep(Self.day(["orders"]))
        == ["Connection \"orders\" is kept for ever."])
    #expect(
      try Self.rules("2126-07-03T00:00:00Z", ["orders": 1]).reasonsToKeep(
        Self.day(["orders"], hasOthers: true)
      ).count == 1)
  }

  @Test func aDayIsOverForADayBeforeItGoes() throws {
    let day = try Self.day([])
    #expect(try Self.rules("2026-05-05T23:59:59Z").reasonsToKeep(day).count == 1)
    #expect(try Self.rules("2026-05-06T00:00:00Z").reasonsToKeep(day) == [])
  }

  @Test func holds() throws {
    var day = try Self.day(["orders"])
    day.earliest = try Self.time("2026-05-01T10:00:00Z")
    day.latest = try Self.time("2026-05-04T10:00:00Z")
    let covering = [
      try Self.hold(), try Self.hold("orders"), try Self.hold(since: "2026-05-04T12:00:00Z"),
      try Self.hold(until: "2026-05-04T00:00:01Z"),
      // What was done before arrived on the day.
      try Self.hold(since: "2026-05-01T00:00:00Z", until: "2026-05-02T00:00:00Z"),
    ]
    for hold in covering {
      #expect(hold.covers(day))
      let rules = try Self.rules("2126-01-01T00:00:00Z", fleet: 1, holds: [hold])
      #expect(rules.reasonsToKeep(day) == ["The hold \"case-7\" covers it."])
      var released = hold
      released.release = LegalHold.Release(at: rules.now, by: "ci", reason: "settled")
      #expect(!released.covers(day))
    }
    for hold in [
      try Self.hold("payroll"), try Self.hold(since: "2026-05-05T00:00:01Z"),
      try Self.hold(until: "2026-05-01T10:00:00Z"),
    ] { #expect(!hold.covers(day)) }
  }

  @Test func settingsAndHoldsAreRecorded() async throws {
    let plane = try await Plane()
    let retention = plane.plane.retention
    let before = plane.store.state.withLock { $0.log.count }
    _ = try await retention.set(
      RetentionChange(connection: nil, days: 365), by: plane.caller)
    _ = try await retention.set(
      RetentionChange(connection: "orders", days: 90), by: plane.caller)
    _ = try await retention.add(
      LegalHoldDraft(name: "case-7", connection: nil, since: nil, until: nil, reason: "counsel"),
      by: plane.caller)
    let released = try await retention.release(
      hold: "case-7", ReleaseRequest(reason: "settled"), by: plane.caller)
    #expect(released.releaseReason == "settled")
    #expect(released.releasedBy == "admin")
    #expect(
      try await retention.show(by: plane.caller)
        == RetentionInfo(
          fleetDays: 365, connections: [ConnectionRetention(connection: "orders", days: 90)]))
    let acts = plane.store.state.withLock { $0.log.dropFirst(before) }.map {
      ControlLogSummary($0.body)
    }
    #expect(
      acts.map(\.action) == [
        "retention.set", "retention.set", "retention.hold", "retention.release",
      ])
    #expect(acts.map(\.subject) == ["fleet", "orders", "case-7", "case-7"])
    #expect(acts.last?.detail.contains("settled") == true)
  }

  @Test func badRequests() async throws {
    let plane = try await Plane()
    let retention = plane.plane.retention
    for (change, word) in [
      (RetentionChange(connection: nil, days: 0), "days"),
      (RetentionChange(connection: nil, days: -1), "days"),
      (RetentionChange(connection: nil, days: .max), "days"),
      (RetentionChange(connection: "No Name", days: 1), "connection"),
      (RetentionChange(connection: nil, days: nil, followsFleet: true), "followsFleet"),
      (RetentionChange(connection: "a", days: 3, followsFleet: true), "followsFleet"),
    ] {
      let error = await #expect(throws: ControlError.self) {
        _ = try await retention.set(change, by: plane.caller)
      }
      #expect(error?.code == .invalid)
      #expect(error?.message.hasPrefix(word) == true, "\(String(describing: error))")
    }
    func draft(
      _ name: String = "h", since: String? = nil, until: String? = nil, reason: String = "r"
    ) -> LegalHoldDraft {
      LegalHoldDraft(name: name, connection: nil, since: since, until: until, reason: reason)
    }
    for bad in [
      draft(""), draft(reason: ""), draft(since: "yesterday"),
      draft(since: "2026-05-04T00:00:00Z", until: "2026-05-04T00:00:00Z"),
    ] {
      let error = await #expect(throws: ControlError.self) {
        _ = try await retention.add(bad, by: plane.caller)
      }
      #expect(error?.code == .invalid)
    }
    let error = await #expect(throws: ControlError.self) {
      _ = try await retention.release(
        hold: "none", ReleaseRequest(reason: "r"), by: plane.caller)
    }
    #expect(error?.code == .notFound)
    #expect(plane.store.state.withLock { $0.holds.isEmpty })
  }
}
