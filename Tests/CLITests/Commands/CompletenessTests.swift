import APIModel
import Testing

@testable import sallyport

struct CompletenessTests {
  private static func log(_ number: Int, gaps: [LogCompleteness.Gap] = []) -> LogCompleteness {
    LogCompleteness(
      log: "0190a6f2-0000-7000-8000-000000000001/\(number)/0",
      agent: "0190a6f2-0000-7000-8000-000000000001", name: "db-host", first: 0, last: 99,
      records: 100 - gaps.reduce(0) { $0 + $1.last - $1.first + 1 }, expected: 100, gaps: gaps,
      firstAt: "2026-05-01T00:00:00.000000Z", lastAt: "2026-05-02T00:00:00.000000Z",
      longestSilence: LogCompleteness.Silence(
        from: "2026-05-01T10:00:00.000000Z", to: "2026-05-01T10:01:30.000000Z", seconds: 90),
      losses: [], beganInPeriod: number == 1, checkpointAt: "2026-05-02T00:00:01.000000Z",
      checkpointAgeSeconds: 3725, quarantinedAt: nil, prunedBefore: nil)
  }

  private static func text(_ logs: [LogCompleteness]) -> CompletenessText {
    CompletenessText(
      CompletenessReport(
        since: "2026-05-01T00:00:00.000000Z", until: nil, at: "2026-05-03T00:00:00.000000Z",
        logs: logs))
  }

  @Test func whole() {
    let text = Self.text([Self.log(1), Self.log(2)])
    #expect(text.report.isComplete)
    #expect(
      text.summary == "Complete: 200 records in 2 logs of 1 writer, from 2026-05-01 00:00:00 UTC,"
        + " with no gaps and no recorded losses; 1 epoch began.")
    #expect(text.findings.count == 1)
    #expect(text.findings.first?.contains("1m30s, from 2026-05-01 10:00:00") == true)
    #expect(text.table.rows[0].map(\.text).contains("1h2m ago"))
  }

  @Test func whatIsWrongIsSaid() {
    var log = Self.log(1, gaps: [.init(first: 3, last: 3), .init(first: 10, last: 19)])
    log.quarantinedAt = "2026-05-01T12:00:00.000000Z"
    log.prunedBefore = 2
    log.losses = [
      .init(
        seq: 50, at: "2026-05-01T11:00:00.000000Z", reason: "host\u{1B}_restart",
        firstLostSeq: 50, lostAtMost: 7, from: "2026-05-01T10:00:00.000000Z",
        to: "2026-05-01T11:00:00.000000Z")
    ]
    let text = Self.text([log])
    #expect(!text.report.isComplete)
    #expect(text.summary.hasPrefix("INCOMPLETE: 89 records in 1 log of 1 writer"))
    #expect(text.summary.contains("with 2 gaps and 1 recorded loss;"))
    let findings = text.findings.joined(separator: "\n")
    for part in [
      "in quarantine since 2026-05-01 12:00:00", "records 0 to 1 were removed by retention",
      "record 3 is missing", "records 10 to 19 are missing", "(host\\u{1B}_restart) of at most 7",
    ] { #expect(findings.contains(part), "\(part)") }
    // A record that stands there twice hides no other.
    var twice = Self.log(1)
    twice.records = 101
    #expect(!Self.text([twice]).report.isComplete)
    #expect(Self.text([twice]).findings.first?.contains("101 records where 100") == true)
  }

  @Test func csv() {
    let log = Self.log(1, gaps: [.init(first: 3, last: 3), .init(first: 10, last: 19)])
    let lines = Self.text([log]).csv.split(separator: "\r\n")
    #expect(lines.count == 2)
    #expect(lines[0].split(separator: ",").count == 17)
    #expect(lines[1].contains(",89,100,3-3 10-19,,"))
    #expect(lines[1].contains(",90.0,2026-05-01T10:00:00.000000Z,"))
  }
}
