import GatewayModel
import Testing

@testable import PolicyEngine

@Suite struct TimeWindowTests {
  /// Seconds from the epoch.
  private func contains(_ window: String, _ unix: Int64) throws -> Bool {
    try TimeWindow(text: window).contains(WallTime(unixNanoseconds: unix * 1_000_000_000))
  }

  /// 2026-01-05, a Monday, 00:00 UTC.
  private static let monday: Int64 = 1_767_571_200
  private static let hour: Int64 = 3600
  private static let day: Int64 = 86_400

  static let rows: [(window: String, unix: Int64, isIn: Bool)] = [
    ("Mon-Fri 08:00-18:00", monday + 8 * hour, true),
    ("Mon-Fri 08:00-18:00", monday + 8 * hour - 1, false),
    ("Mon-Fri 08:00-18:00", monday + 18 * hour - 1, true),
    ("Mon-Fri 08:00-18:00", monday + 18 * hour, false),
    ("Mon-Fri 08:00-18:00", monday + 5 * day + 9 * hour, false),
    ("sat,SUN 00:00-24:00", monday - 1, true), ("Sat,Sun 00:00-24:00", monday, false),
    ("Fri-Mon 00:00-24:00", monday, true), ("Fri-Mon 00:00-24:00", monday + day, false),
    // Across midnight it belongs to the day it begins on.
    ("Mon 22:00-06:00", monday + 23 * hour, true),
    ("Mon 22:00-06:00", monday + day + 5 * hour, true),
    ("Mon 22:00-06:00", monday + day + 6 * hour, false),
    ("Mon 22:00-06:00", monday + 5 * hour, false), ("Sun 22:00-06:00", monday + 5 * hour, true),
    ("22:00-00:00", monday + 23 * hour, true), ("22:00-00:00", monday, false),
    ("08:00-09:00 +02:00", monday + 6 * hour, true),
    ("08:00-09:00 +02:00", monday + 8 * hour, false),
    ("Sun 23:00-24:00 -05:30", monday + 5 * hour, true),
    ("00:00-24:00", -1, true), ("Wed 23:59-24:00", -1, true), ("Thu 00:00-00:01", 0, true),
    // Winter: UTC+1.
    ("08:00-18:00 Europe/Berlin", monday + 7 * hour, true),
    ("08:00-18:00 Europe/Berlin", monday + 17 * hour, false),
    // Summer, 2026-07-06: UTC+2.
    ("08:00-18:00 Europe/Berlin", 1_783_296_000 + 6 * hour, true),
    ("08:00-18:00 Europe/Berlin", 1_783_296_000 + 16 * hour, false),
    // 2026-03-29 02:00 is 03:00 in Berlin: the hour from 02:00 is not there.
    ("02:00-03:00 Europe/Berlin", 1_774_746_000 - 1, false),
    ("02:00-03:00 Europe/Berlin", 1_774_746_000, false),
    ("03:00-04:00 Europe/Berlin", 1_774_746_000, true),
    ("01:00-04:00 Europe/Berlin", 1_774_746_000 - 1, true),
    // 2026-10-25 03:00 is 02:00 again: the hour from 02:00 is there twice.
    ("02:00-03:00 Europe/Berlin", 1_792_886_400, true),
    ("02:00-03:00 Europe/Berlin", 1_792_886_400 + hour, true),
    ("02:00-03:00 Europe/Berlin", 1_792_886_400 + 2 * hour, false),
    ("02:00-03:00 Europe/Berlin", 1_792_886_400 - 1, false),
    // Across midnight and the change of the clock.
    ("Sat 22:00-04:00 Europe/Berlin", 1_774_746_000, true),
    ("Sat 22:00-04:00 Europe/Berlin", 1_774_746_000 + hour, false),
  ]

  @Test func windowsContain() throws {
    for row in Self.rows {
      #expect(try contains(row.window, row.unix) == row.isIn, "\(row)")
    }
  }

  @Test(arguments: [Int64.min, .max, 0])
  func anyTimeIsJudged(nanoseconds: Int64) throws {
    let window = try TimeWindow(text: "00:00-24:00 America/New_York")
    #expect(window.contains(WallTime(unixNanoseconds: nanoseconds)))
  }

  @Test(arguments: [
    ("mon-fri 08:00-18:00 UTC", "Mon-Fri 08:00-18:00"), ("Mon-Sun 00:00-24:00", "00:00-24:00"),
    ("sun,mon,tue 01:00-02:00 +02:00", "Mon-Tue,Sun 01:00-02:00 +02:00"),
    ("Fri-Mon 00:00-01:00 Asia/Tokyo", "Mon,Fri-Sun 00:00-01:00 Asia/Tokyo"),
  ])
  func windowsHaveOneForm(text: String, form: String) throws {
    let window = try TimeWindow(text: text)
    #expect(window.description == form)
    #expect(try TimeWindow(text: form) == window)
  }

  @Test(arguments: [
    "", "Mon", "8:00-18:00", "08:00", "08:00-08:00", "24:00-08:00", "08:00-24:01", "08:60-09:00",
    "Mon-Foo 08:00-09:00", "Mon- 08:00-09:00", "08:00-09:00 Mars/Phobos", "08:00-09:00 +15:00",
    "08:00-09:00 CET DST", "Mon,08:00-09:00", "08:00-09:00 ../../etc/passwd", "08-09",
    "Montag 08:00-09:00", "08:00–09:00", "08:00-09:00 EST",
  ])
  func windowsThatAreNone(text: String) {
    #expect(throws: PatternFailure.self) { try TimeWindow(text: text) }
  }

  @Test func decisionsFollowTheTimeOfTheStatement() {
    var grant = Sample.grant(.read)
    grant.when.times = ["11:00-13:00"]
    let set = PolicySet([Sample.policy([grant])])
    let session = set.session(Sample.request(), role: "app")
    #expect(!session.isTimeless)
    #expect(session.decide(Sample.select, at: Sample.time(0)).verdict == .allow)
    let late = session.decide(Sample.select, at: Sample.time(2))
    #expect(late.verdict == .deny)
    #expect(late.message.hasSuffix("it is outside of the times of the grant."))
    #expect(
      set.entry(Sample.request(at: Sample.time(2)))
        == .deny(.noGrant, detail: "p/g: it is outside of 11:00-13:00"))
  }

  @Test func sessionWithoutTimesIsTimeless() {
    var other = Sample.grant("other", role: "x", .read)
    other.when.times = ["11:00-13:00"]
    let set = PolicySet([Sample.policy([Sample.grant(.read), other])])
    #expect(set.session(Sample.request(), role: "app").isTimeless)
    let rule = Sample.deny(.init(times: ["11:00-13:00"]))
    let timed = PolicySet([Sample.policy([Sample.grant(.read)], [rule])])
    #expect(!timed.session(Sample.request(), role: "app").isTimeless)
  }
}
