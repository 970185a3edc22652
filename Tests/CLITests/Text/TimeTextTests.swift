import Foundation
import Testing

@testable import sallyport

struct TimeTextTests {
  private let now = Date(timeIntervalSince1970: 1_777_864_327.25)  // 2026-05-04T03:12:07.250Z

  @Test(arguments: [
    ("1h", "2026-05-04T02:12:07.250Z"),
    ("2026-05-04", "2026-05-04T00:00:00Z"),
    ("2026-05-04T03:12", "2026-05-04T03:12:00Z"),
    ("2026-05-04 03:12:07", "2026-05-04T03:12:07Z"),
    ("2026-05-04T03:12:07.123456Z", "2026-05-04T03:12:07.123456Z"),
    ("2026-05-04T05:12:07+02:00", "2026-05-04T05:12:07+02:00"),
  ])
  func readsTimesOfFilters(text: String, rfc3339: String) {
    #expect(TimeText.filterTime(text, now: now) == rfc3339)
  }

  @Test(arguments: [
    "", "yesterday", "2026-13-01", "2026-05-04T25:00:00Z", "04.05.2026", "2026-05-04T03",
    "1777864327", "2026-02-30", "2026-05-04T03:60:00Z", "2026-05-04T03:12:00+25:00",
  ])
  func refusesOtherTimes(text: String) {
    #expect(TimeText.filterTime(text, now: now) == nil)
  }

  @Test func readsZonesAndFractions() throws {
    let zoned = try #require(TimeText.date("2026-05-04T05:12:07.250+02:00"))
    #expect(abs(zoned.timeIntervalSince(now)) < 0.001)
    #expect(TimeText.date("2026-05-04T03:12:07") == nil)
  }

  @Test func showsTimesInUTC() {
    #expect(TimeText.shown("2026-05-04T05:12:07.250+02:00") == "2026-05-04 03:12:07")
    #expect(
      TimeText.shown("2026-05-04T03:12:07.250Z", precise: true) == "2026-05-04 03:12:07.250")
    #expect(TimeText.shown("\u{1B}[31mnever") == "\\u{1B}[31mnever")
  }

  @Test func tellsHowLongAgo() {
    #expect(TimeText.age("2026-05-04T03:10:07Z", now: now) == "2m ago")
    #expect(TimeText.age("2026-05-04T03:12:09Z", now: now) == "now")
  }
}
