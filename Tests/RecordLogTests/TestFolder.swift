import AuditLog
import Foundation
import GatewayModel

@testable import RecordLog

/// A folder for one test, removed with it.
final class TestFolder: Sendable {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "/record-log-" + UUID().uuidString
  }

  /// A folder that exists already.
  init(at path: String) { self.path = path }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func segments() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(".log") }.sorted()
  }

  /// How far logs that are given up were recorded again.
  var moveNotes: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(".move") }
  }

  func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(path)/\(name)")
  }

  func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }
}

enum Fixture {
  static let agent = AgentID(Identifier128(high: 0xA6E7, low: 1))
  static let identity = WriterIdentity(agentVersion: "0.1.0", host: "db-host")
  static let start = WallTime(unixNanoseconds: 1_790_000_000_000_000_000)
  static let session = SessionID(Identifier128(high: 5, low: 6))
  static let digest = StatementDigest(of: Array("select 1".utf8))

  static func time(_ seconds: Int64) -> WallTime {
    WallTime(unixNanoseconds: start.unixNanoseconds + seconds * 1_000_000_000)
  }

  static func begin(_ number: UInt64) -> StatementBeginRecord {
    StatementBeginRecord(
      statement: StatementID(number), digest: digest, wireProtocol: .simple,
      transactionStatus: "I", rule: "g", bundleVersion: 1)
  }

  static func end(_ number: UInt64) -> StatementEndRecord {
    StatementEndRecord(statement: StatementID(number), outcome: .completed, commandTag: "SELECT 1")
  }

  static func open(
    _ folder: TestFolder, files: any FileAccess = PosixFiles(),
    _ change: (inout RecordLogConfiguration) -> Void = { _ in }
  ) throws -> RecordLogDirectory {
    var configuration = RecordLogConfiguration(
      folder: folder.path, reserveBytes: 64 * 1024, syncInterval: .milliseconds(5))
    change(&configuration)
    return try RecordLogDirectory(
      configuration: configuration, agent: agent, files: files, now: start)
  }
}

extension RecordLogDirectory {
  func writer(lane: UInt32 = 0) throws -> LaneWriter {
    try openWriter(lane: lane, identity: Fixture.identity, at: Fixture.start)
  }

  func reader(lane: UInt32 = 0) throws -> LaneReader {
    try reader(for: LogID(agent: agent, epoch: epoch, lane: lane))
  }
}

extension RecordLogDirectory {
  /// Records all of a log again, as a gateway does part by part.
  func move(_ log: LogID, to writer: LaneWriter, at time: WallTime) throws {
    guard let move = try move(log, to: writer.log) else { return }
    while let part = try move.nextPart() {
      try writer.take(part, at: time)
      try move.settle()
    }
    try move.finish()
  }

  /// Begins an epoch of which only what the control plane has of one log is known.
  func beginEpoch(after log: LogID, citing head: LogHead, now: WallTime) throws {
    try beginEpoch(after: log, citing: [log.lane: .other(head)], now: now)
  }
}

extension LaneWriter {
  /// Appends a begin and an end and commits them.
  func pair(_ number: UInt64) throws {
    append(Fixture.begin(number), session: Fixture.session, at: Fixture.start)
    append(Fixture.end(number), session: Fixture.session, at: Fixture.start)
    try commit()
  }

  /// Brings what is committed to the medium, so that readers see it.
  func sync() { lane.synchronize() }
}

extension LaneReader {
  /// Everything that can be read, from `seq` on.
  func all(from seq: UInt64? = nil) throws -> [DecodedRecord] {
    var records: [DecodedRecord] = []
    var next = seq ?? firstSeq
    while true {
      let batch = try batch(from: next, maximumRecords: 7, maximumBytes: 1000)
      if batch.isEmpty { return records }
      records += try batch.records.map { try RecordDecoder.decode($0) }
      next = batch.nextSeq
    }
  }
}

extension Array where Element == DecodedRecord {
  var seqs: [UInt64] { map(\.header.seq) }
  var kinds: [RecordKind] { map(\.kind) }
  var losses: [LossRecord] {
    compactMap { if case .loss(let loss) = $0.body { loss } else { nil } }
  }
  /// The numbers of the statements that begin.
  var begun: [UInt64] {
    compactMap {
      if case .statementBegin(let begin) = $0.body { begin.statement.rawValue } else { nil }
    }
  }
}
