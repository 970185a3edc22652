import APIModel
import Foundation

/// A report about completeness as a person or a spreadsheet reads it.
struct CompletenessText {
  let report: CompletenessReport

  init(_ report: CompletenessReport) { self.report = report }

  func writeTable() throws {
    try Listing.write(table)
    for line in findings + [summary] { try StandardOutput.line(line) }
  }

  var table: Table {
    Table(
      columns: [
        Column("LOG", minimumWidth: 16), Column("HOST", minimumWidth: 8, dropOrder: 4),
        Column("FIRST", rightAligned: true), Column("LAST", rightAligned: true),
        Column("RECORDS", rightAligned: true), Column("EXPECTED", rightAligned: true),
        Column("GAPS", rightAligned: true), Column("LOSSES", rightAligned: true),
        Column("SILENCE", rightAligned: true), Column("FIRST RECORD", dropOrder: 3),
        Column("LAST RECORD", dropOrder: 2),
        Column("CHECKPOINT", rightAligned: true, dropOrder: 1),
      ],
      rows: report.logs.map { log in
        [
          Cell(EscapedText.line(log.log)), Cell(EscapedText.line(log.name)),
          Cell(log.first.map { "\($0)" } ?? ""), Cell(log.last.map { "\($0)" } ?? ""),
          Cell("\(log.records)"), Cell("\(log.expected)"),
          Cell("\(log.gaps.count)", style: log.gaps.isEmpty ? nil : .failure),
          Cell("\(log.losses.count)", style: log.losses.isEmpty ? nil : .warning),
          Cell(log.longestSilence.map { Self.duration($0.seconds) } ?? ""),
          Cell(log.firstAt.map { TimeText.shown($0) } ?? ""),
          Cell(log.lastAt.map { TimeText.shown($0) } ?? ""),
          Cell(Self.duration(log.checkpointAgeSeconds) + " ago"),
        ]
      })
  }

  /// What a person has to look at, a line each.
  var findings: [String] {
    var lines: [String] = []
    for log in report.logs {
      let name = EscapedText.line(log.log)
      if let since = log.quarantinedAt {
        lines.append("! \(name): its agent is in quarantine since \(TimeText.shown(since)) UTC.")
      }
      if let before = log.prunedBefore {
        lines.append("  \(name): records 0 to \(before - 1) were removed by retention.")
      }
      for gap in log.gaps {
        lines.append(
          gap.first == gap.last
            ? "✗ \(name): record \(gap.first) is missing."
            : "✗ \(name): records \(gap.first) to \(gap.last) are missing.")
      }
      if log.gaps.isEmpty, log.records != log.expected {
        lines.append("✗ \(name): \(log.records) records where \(log.expected) have to be.")
      }
      for loss in log.losses {
        lines.append(
          "! \(name): record \(loss.seq) tells of a loss (\(EscapedText.line(loss.reason))) of at"
            + " most \(loss.lostAtMost) records from \(TimeText.shown(loss.from)) to"
            + " \(TimeText.shown(loss.to)) UTC.")
      }
    }
    if let (log, silence) = longestSilence {
      lines.append(
        "  \(EscapedText.line(log.log)): the longest silence, \(Self.duration(silence.seconds)),"
          + " from \(TimeText.shown(silence.from)) to \(TimeText.shown(silence.to)) UTC.")
    }
    return lines
  }

  private var longestSilence: (LogCompleteness, LogCompleteness.Silence)? {
    report.logs.compactMap { log in log.longestSilence.map { (log, $0) } }.max {
      $0.1.seconds < $1.1.seconds
    }
  }

  /// One sentence that an auditor can read aloud.
  var summary: String {
    let records = report.logs.reduce(0) { $0 + $1.records }
    let gaps = report.logs.reduce(0) { $0 + $1.gaps.count }
    let losses = report.logs.reduce(0) { $0 + $1.losses.count }
    let agents = Set(report.logs.map(\.agent)).count
    let epochs = Set(
      report.logs.filter(\.beganInPeriod).map { $0.log.split(separator: "/").dropLast() }
    ).count
    let period =
      [
        report.since.map { "from \(TimeText.shown($0))" },
        report.until.map { "until \(TimeText.shown($0))" },
      ].compactMap { $0 }.joined(separator: " ")
    func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
      let word = number == 1 ? noun : plural ?? noun + "s"
      return "\(number == 0 ? "no" : "\(number)") \(word)"
    }
    return (report.isComplete ? "Complete: " : "INCOMPLETE: ")
      + "\(count(records, "record")) in \(count(report.logs.count, "log")) of"
      + " \(count(agents, "writer"))\(period.isEmpty ? "" : ", \(period) UTC,") with"
      + " \(count(gaps, "gap")) and "
      + "\(count(losses, "recorded loss", plural: "recorded losses")); \(count(epochs, "epoch"))"
      + " began."
  }

  var csv: String {
    var text = CSV.row([
      "log", "name", "first", "last", "records", "expected", "gaps", "losses", "first_at",
      "last_at", "silence_seconds", "silence_from", "silence_to", "began_in_period",
      "checkpoint_at", "quarantined_at", "pruned_before",
    ])
    for log in report.logs {
      text += CSV.row([
        log.log, log.name, log.first.map { "\($0)" } ?? "", log.last.map { "\($0)" } ?? "",
        "\(log.records)", "\(log.expected)",
        log.gaps.map { "\($0.first)-\($0.last)" }.joined(separator: " "),
        log.losses.map { "\($0.seq)" }.joined(separator: " "), log.firstAt ?? "",
        log.lastAt ?? "", log.longestSilence.map { "\($0.seconds)" } ?? "",
        log.longestSilence?.from ?? "", log.longestSilence?.to ?? "", "\(log.beganInPeriod)",
        log.checkpointAt, log.quarantinedAt ?? "", log.prunedBefore.map { "\($0)" } ?? "",
      ])
    }
    return text
  }

  private static func duration(_ seconds: Double) -> String {
    DurationText.short(seconds: Int(min(max(seconds, 0), 1e12)))
  }
}
