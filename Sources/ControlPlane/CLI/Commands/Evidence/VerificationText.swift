import APIModel
import AuditLog
import Foundation
import GatewayModel

/// A verification as a person or a program reads it.
struct VerificationText {
  let report: VerificationReport

  init(_ report: VerificationReport) { self.report = report }

  func write(_ format: ListFormat) throws {
    let info = VerificationInfo(report)
    guard format == .table else { return try StandardOutput.line(JSONText.pretty(info)) }
    try Listing.write(
      info.logs, format: .table, empty: "No logs.",
      columns: [
        Column("LOG", minimumWidth: 20), Column("FROM", rightAligned: true),
        Column("SIZE", rightAligned: true), Column("RECORDS", rightAligned: true),
        Column("LOSSES", rightAligned: true), Column("LAST RECORD", dropOrder: 1),
        Column("ROOT", minimumWidth: 8, dropOrder: 2),
      ]
    ) { log in
      [
        Cell(log.isOfControlPlane ? "control plane" : EscapedText.line(log.log)),
        Cell("\(log.from)"), Cell("\(log.size)"), Cell("\(log.records)"),
        Cell("\(log.losses)", style: log.losses == 0 ? nil : .warning),
        Cell(log.lastRecordAt.map { TimeText.shown($0) } ?? ""),
        Cell(String(log.root.prefix(16))),
      ]
    }
    for finding in report.findings {
      try StandardOutput.line("✗ \(EscapedText.line(finding.description))")
    }
    if let notes { try StandardOutput.line(notes) }
    try StandardOutput.line(tables)
    try StandardOutput.line(conclusion)
  }

  /// What is told beside the findings; `nil` for nothing.
  var notes: String? {
    var notes: [String] = []
    if report.equivocations > 0 {
      notes.append(
        "\(report.equivocations) times an agent was found to have signed two histories of a log,"
          + " and was quarantined; this is about the agent and no fault of the trail. → sallyport"
          + " agents list")
    }
    if let tables = report.tables, tables.leftOut > 0 {
      notes.append("\(tables.leftOut) more rows differ and are not named here.")
    }
    if let tables = report.tables, tables.unproven > 0 {
      notes.append(
        "Of \(tables.unproven) SQL texts not everything could be compared: their records were"
          + " removed or came meanwhile, or their analysis waits or was given up.")
    }
    if let names = report.tables?.givenUp, !names.isEmpty {
      notes.append(
        "Not analysed again, since their analysis counts as given up: the texts "
          + names.map(EscapedText.line).joined(separator: ", ") + ".")
    }
    return notes.isEmpty ? nil : notes.joined(separator: "\n")
  }

  /// What is said of the tables that questions are answered from.
  var tables: String {
    guard let tables = report.tables else {
      return "The tables that questions are answered from were not compared with the records."
    }
    return "Tables: \(tables.rows) rows and \(tables.texts) SQL texts were compared with"
      + " \(tables.records) records."
  }

  private var conclusion: String {
    let what = "\(report.records) records in \(report.logs.count) logs"
    guard report.isSound else {
      return "NOT SOUND: \(report.findings.count) findings in \(what)."
    }
    let scope = report.scope.map { ", a part of the trail: \(EscapedText.line($0))" } ?? ""
    return "Sound: \(what)\(scope)."
  }
}

/// The JSON form of a verification.
struct VerificationInfo: Codable {
  struct Log: Codable {
    var log: String
    var isOfControlPlane: Bool
    var from: UInt64
    var size: UInt64
    var records: UInt64
    var losses: Int
    var firstRecordAt: String?
    var lastRecordAt: String?
    var root: String
  }
  struct Finding: Codable {
    var code: String
    var log: String?
    var seq: UInt64?
    var message: String
  }

  var sound: Bool
  var complete: Bool
  var scope: String?
  var records: Int
  /// How often an agent was found to have signed two histories of a log.
  var equivocations: Int
  /// What was compared of the tables that questions are answered from; absent when nothing was.
  var tables: ComparedTables?
  var logs: [Log]
  var findings: [Finding]

  init(_ report: VerificationReport) {
    sound = report.isSound
    complete = report.isComplete
    scope = report.scope
    records = report.records
    equivocations = report.equivocations
    tables = report.tables
    logs = report.logs.map { log in
      Log(
        log: "\(log.log)", isOfControlPlane: log.isOfControlPlane, from: log.from, size: log.size,
        records: log.facts.records, losses: log.facts.losses.count,
        firstRecordAt: log.facts.first.map(Self.time), lastRecordAt: log.facts.last.map(Self.time),
        root: "\(log.root)")
    }
    findings = report.findings.map {
      Finding(
        code: $0.code.rawValue, log: $0.log.map { "\($0)" }, seq: $0.seq, message: $0.message)
    }
  }

  static func time(_ time: WallTime) -> String {
    Date(timeIntervalSince1970: Double(time.unixNanoseconds) / 1e9).formatted(
      .iso8601.time(includingFractionalSeconds: true))
  }
}
