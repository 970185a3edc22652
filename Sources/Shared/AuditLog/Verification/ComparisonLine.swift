import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What was held against the records, of the tables that questions are answered from.
package struct ComparedTables: Hashable, Sendable, Codable {
  /// Records that were read, those of the control plane's own log among them.
  package var records: Int
  /// Rows of statements, sessions and the control plane's acts.
  package var rows: Int
  /// SQL texts.
  package var texts: Int
  /// What was found and named.
  package var findings: Int
  /// What was found and not named: of each table only the first are.
  package var leftOut: Int
  /// Texts of which it cannot be said: their records were removed or came meanwhile, or their
  /// analysis waits or was given up.
  package var unproven: Int
  /// The digests of the first of the texts whose analysis counts as given up: they are not analysed
  /// again, so it is for a person to see whether that is so. `nil` for none.
  package var givenUp: [String]?
  /// The most that ``givenUp`` has.
  package static let maximumGivenUp = 100

  package init(
    records: Int = 0, rows: Int = 0, texts: Int = 0, findings: Int = 0, leftOut: Int = 0,
    unproven: Int = 0, givenUp: [String]? = nil
  ) {
    self.records = records
    self.rows = rows
    self.texts = texts
    self.findings = findings
    self.leftOut = leftOut
    self.unproven = unproven
    self.givenUp = givenUp
  }
}

/// One line of the answer of the control plane that has compared its tables with the records: a JSON
/// object with exactly one key.
///
/// ```
/// {"progress":{"records":…,"rows":…}}   now and then
/// {"finding":{…}}                       for each
/// {"close":{…}}                         once, last
/// ```
package enum ComparisonLine: Hashable, Sendable {
  /// How many records and rows were read so far.
  package struct Progress: Hashable, Sendable, Codable {
    package var records: Int
    package var rows: Int
    package init(records: Int, rows: Int) {
      self.records = records
      self.rows = rows
    }
  }

  case progress(Progress)
  case finding(Finding)
  case close(ComparedTables)
}

extension ComparisonLine: Codable {
  private enum Key: String, CodingKey, CaseIterable { case progress, finding, close }

  private struct FindingBody: Codable {
    var log: String?
    var seq: UInt64?
    var message: String
  }

  package init(from decoder: any Decoder) throws {
    let line = try decoder.container(keyedBy: Key.self)
    guard line.allKeys.count == 1, let key = line.allKeys.first else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: [], debugDescription: "not one of the lines a comparison has"))
    }
    switch key {
    case .progress: self = .progress(try line.decode(Progress.self, forKey: key))
    case .close: self = .close(try line.decode(ComparedTables.self, forKey: key))
    case .finding:
      let body = try line.decode(FindingBody.self, forKey: key)
      self = .finding(
        Finding(
          .projection, log: body.log.flatMap { LogID(text: $0) }, seq: body.seq, body.message))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var line = encoder.container(keyedBy: Key.self)
    switch self {
    case .progress(let progress): try line.encode(progress, forKey: .progress)
    case .close(let close): try line.encode(close, forKey: .close)
    case .finding(let finding):
      try line.encode(
        FindingBody(
          log: finding.log.map { "\($0)" }, seq: finding.seq, message: finding.message),
        forKey: .finding)
    }
  }
}

/// Reads the lines of a comparison; that it was cut off is a finding too.
package struct ComparisonReader {
  private var findings: [Finding] = []
  private var close: ComparedTables?
  private var isReadable = true
  private var line = 0

  package init() {}

  /// Takes one line, without its line feed; gives how far the control plane is, where it says that.
  package mutating func take(_ bytes: Data) -> ComparisonLine.Progress? {
    line += 1
    guard isReadable else { return nil }
    guard close == nil, let parsed = try? JSONDecoder().decode(ComparisonLine.self, from: bytes)
    else {
      giveUp("line \(line) of the comparison of the tables is not one that it can have")
      return nil
    }
    switch parsed {
    case .progress(let progress): return progress
    case .finding(let finding): findings.append(finding)
    case .close(let tables): close = tables
    }
    return nil
  }

  /// Notes why the answer did not come to its end.
  package mutating func fail(_ reason: String) {
    guard isReadable else { return }
    giveUp("the comparison of the tables did not end: \(reason)")
  }

  private mutating func giveUp(_ message: String) {
    findings.append(Finding(.unreadable, message))
    isReadable = false
  }

  /// Adds what was found to a report of the records.
  package mutating func finish(_ report: inout VerificationReport) {
    if isReadable {
      if let close {
        if close.findings != findings.count {
          giveUp(
            "the comparison of the tables tells of \(close.findings) findings, and"
              + " \(findings.count) came")
        }
      } else {
        giveUp("the comparison of the tables ends at line \(line), before its last line")
      }
    }
    report.findings += findings
    report.tables = close
  }
}
