import APIModel
import ArgumentParser
import AuditLog
import Foundation

struct RunRetention: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Export, verify and remove the days that may go.",
    discussion: """
      The oldest day comes first, and it ends at the first that stays. Each day is written to a \
      file of the folder and verified here, from the disk; only then the control plane is asked to \
      remove it, and it removes it only if the export has exactly what is stored. The file's name \
      and hash stand in the control plane's own log.

      --keys and --checkpoint are those of `sallyport audit verify`.

      Examples:
        sallyport retention run --dry-run
        sallyport retention run --export-folder /srv/audit-archive --keys keys.txt
      """)

  @Flag(help: "Only say what would go, and why the first day that stays does.")
  var dryRun = false

  @Option(help: "Where the exports go; with room for a day of the trail.")
  var exportFolder: String?

  @Option(help: "A file with trusted keys, a line for each agent: its id and its key in base64.")
  var keys: String?

  @Option(help: "A file with a signed checkpoint of the control plane's own log.")
  var checkpoint: String?

  @OptionGroup var list: ListOptions

  func validate() throws {
    if !dryRun, exportFolder == nil {
      throw ValidationError("Give --export-folder, or --dry-run.")
    }
  }

  func perform() async throws {
    let trusted = try keys.map(TrustedKeys.init(file:)) ?? TrustedKeys()
    let kept = try checkpoint.map(AuditVerify.keptCheckpoint)
    var report = RetentionRun(isDry: dryRun)
    let configuration = try ConfigurationSource().load()
    do {
      try await APIClient.withClient(configuration) { client in
        let days: [RetentionDay] = try await client.all(Routes.retentionDays)
        for (index, day) in days.enumerated() {
          let info: RetentionDayInfo = try await client.get(Routes.retentionDays, [day.day])
          guard info.mayGo else {
            report.stays = info
            report.behind = days.count - index - 1
            return
          }
          var gone = RetentionRun.Day(info)
          if !dryRun, let exportFolder {
            let export = DayExport(folder: exportFolder, day: info)
            let request = try await export.write(from: client, trusted: trusted, kept: kept)
            let pruned: PruneInfo = try await client.post(
              Routes.retentionDays, [day.day, "prune"], body: request)
            gone.take(pruned, request)
          }
          report.days.append(gone)
        }
      }
    } catch {
      // What went before is said all the same.
      if !report.days.isEmpty { try report.write(list.format) }
      throw error
    }
    try report.write(list.format)
  }
}

/// What a run removed, or would remove.
struct RetentionRun: Encodable {
  struct Day: Encodable {
    var day: String
    var records: Int
    var statements: Int
    var bytes: Int
    var connections: [String]
    /// Absent in a dry run.
    var sessions: Int?
    var exportFile: String?
    var exportSHA256: String?

    init(_ info: RetentionDayInfo) {
      day = info.day
      records = info.records
      statements = info.statements
      bytes = info.bytes
      connections = info.connections
    }

    mutating func take(_ pruned: PruneInfo, _ request: PruneRequest) {
      records = pruned.records
      statements = pruned.statements
      sessions = pruned.sessions
      exportFile = request.exportFile
      exportSHA256 = request.exportSHA256
    }
  }

  var isDry: Bool
  var days: [Day] = []
  /// The first day that stays.
  var stays: RetentionDayInfo?
  /// How many days come behind it.
  var behind = 0

  func write(_ format: ListFormat) throws {
    guard format == .table else { return try StandardOutput.line(JSONText.pretty(self)) }
    if !days.isEmpty {
      try Listing.write(
        Table(
          columns: [
            Column("DAY"), Column("RECORDS", rightAligned: true),
            Column("STATEMENTS", rightAligned: true), Column("BYTES", rightAligned: true),
            Column(isDry ? "CONNECTIONS" : "EXPORT", minimumWidth: 12),
          ],
          rows: days.map { day in
            [
              Cell(EscapedText.line(day.day)), Cell("\(day.records)"), Cell("\(day.statements)"),
              Cell("\(day.bytes)"),
              Cell(
                EscapedText.line(
                  isDry ? day.connections.joined(separator: ", ") : day.exportFile ?? "")),
            ]
          }))
    }
    for line in conclusion { try StandardOutput.line(line) }
  }

  var conclusion: [String] {
    let count = days.count == 1 ? "1 day" : "\(days.count) days"
    var lines = [
      days.isEmpty ? "No day may go." : isDry ? "\(count) would go." : "\(count) removed."
    ]
    if let stays {
      lines.append(EscapedText.line("\(stays.day) stays:"))
      lines += stays.reasons.map { "  " + EscapedText.line($0) }
      if behind > 0 { lines.append("  \(behind) later \(behind == 1 ? "day" : "days") behind it.") }
    }
    return lines
  }
}
