import Testing

@testable import sallyport

struct DurationTextTests {
  @Test(arguments: [
    ("1s", 1), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172_800), ("1w", 604_800),
    ("007m", 420),
  ])
  func readsNumbersWithUnits(text: String, seconds: Int) {
    #expect(DurationText.seconds(text) == seconds)
  }

  @Test(arguments: [
    "", "15", "m", "0s", "-5m", "1.5h", "1h 30m", "15min", "5M", "٣m", "99999999999999999999s",
    "36600d1s", "999999999w",
  ])
  func refusesWhatCouldMeanSomethingElse(text: String) {
    #expect(DurationText.seconds(text) == nil)
  }

  @Test(arguments: [(0, "0s"), (59, "59s"), (60, "1m"), (3661, "1h1m"), (90_061, "1d1h")])
  func showsTheTwoLargestUnits(seconds: Int, text: String) {
    #expect(DurationText.short(seconds: seconds) == text)
  }
}
