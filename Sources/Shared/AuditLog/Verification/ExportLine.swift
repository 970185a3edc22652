import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One line of an export of the audit trail: a JSON object with exactly one key, which says what
/// the line is.
///
/// ```
/// {"export":{…}}                  once, first
/// {"key":{…}}                     for each writer of a log
/// {"log":{…}}                     begins a log; that of the control plane is the first
/// {"record":{…}}                  the records of the log in order …
/// {"leaves":{…}}                  … behind at most 256 of them their leaf hashes as stored
/// {"head":{…}}                    ends the log
/// {"close":{…}}                   once, last
/// ```
package enum ExportLine: Hashable, Sendable {
  case export(ExportHeader)
  case key(ExportKey)
  case log(ExportLog)
  case record(ExportRecord)
  case leaves(ExportLeaves)
  case head(ExportHead)
  case close(ExportClose)
}

/// What an export is of.
package struct ExportHeader: Hashable, Sendable, Codable {
  package static let format = "sallyport-audit-export"
  package static let version = 1

  package var format: String
  package var version: Int
  /// When it was made, RFC 3339.
  package var made: String
  /// The id of the control plane, under which its own log stands.
  package var controlPlane: String
  /// Whether it has all logs from their beginning; what is absent then needs a reason.
  package var isComplete: Bool
  /// What was asked for, in words, where it is not complete.
  package var scope: String?

  package init(made: String, controlPlane: String, isComplete: Bool, scope: String? = nil) {
    format = Self.format
    version = Self.version
    self.made = made
    self.controlPlane = controlPlane
    self.isComplete = isComplete
    self.scope = scope
  }
}

/// The public key that signs the checkpoints of a writer's logs.
package struct ExportKey: Hashable, Sendable, Codable {
  /// The agent's id, or that of the control plane.
  package var agent: String
  /// For people.
  package var name: String
  /// The raw key in base64.
  package var ed25519: String

  package init(agent: String, name: String, ed25519: String) {
    self.agent = agent
    self.name = name
    self.ed25519 = ed25519
  }
}

/// The beginning of a log's records.
package struct ExportLog: Hashable, Sendable, Codable {
  /// `<agent>/<epoch>/<lane>`.
  package var log: String
  /// The seq of the first record that follows.
  package var from: UInt64
  /// The subtrees of the tree of the records before, in base64, the largest first.
  package var frontier: [String]

  package init(log: String, from: UInt64, frontier: [String]) {
    self.log = log
    self.from = from
    self.frontier = frontier
  }
}

/// A record with what the store says beside it.
package struct ExportRecord: Hashable, Sendable, Codable {
  /// Base64 of the bytes as the writer wrote them.
  package var bytes: String
  /// When the store took it, microseconds since 1970.
  package var received: Int64
  /// The columns beside the bytes: time in microseconds since 1970, kind, session and statement.
  package var at: Int64
  package var kind: String
  package var session: String?
  package var statement: Int64?

  package init(
    bytes: String, received: Int64, at: Int64, kind: String, session: String?, statement: Int64?
  ) {
    self.bytes = bytes
    self.received = received
    self.at = at
    self.kind = kind
    self.session = session
    self.statement = statement
  }
}

/// The leaf hashes that the store keeps of the records since the last such line.
package struct ExportLeaves: Hashable, Sendable, Codable {
  /// Base64 of the hashes, one behind the other.
  package var hashes: String
  package init(hashes: String) { self.hashes = hashes }
}

/// The end of a log's records.
package struct ExportHead: Hashable, Sendable, Codable {
  /// The signed checkpoint of the log, as a C2SP note.
  package var checkpoint: String
  /// Where the export ends before the checkpoint does: the proof, in base64, that the tree of the
  /// checkpoint begins with the tree up to here (RFC 6962, section 2.1.2).
  package var consistency: [String]?

  package init(checkpoint: String, consistency: [String]? = nil) {
    self.checkpoint = checkpoint
    self.consistency = consistency
  }
}

/// The end of an export.
package struct ExportClose: Hashable, Sendable, Codable {
  package var logs: Int
  package var records: Int
  /// SHA-256 of every byte before this line, hexadecimal.
  package var sha256: String

  package init(logs: Int, records: Int, sha256: String) {
    self.logs = logs
    self.records = records
    self.sha256 = sha256
  }
}

extension ExportLine: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case export, key, log, record, leaves, head, close
  }

  package init(from decoder: any Decoder) throws {
    let line = try decoder.container(keyedBy: AnyKey.self)
    guard line.allKeys.count == 1, let name = line.allKeys.first,
      let key = Key(rawValue: name.stringValue)
    else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: [], debugDescription: "not one of the lines an export has"))
    }
    switch key {
    case .export: self = .export(try line.decode(ExportHeader.self, forKey: name))
    case .key: self = .key(try line.decode(ExportKey.self, forKey: name))
    case .log: self = .log(try line.decode(ExportLog.self, forKey: name))
    case .record: self = .record(try line.decode(ExportRecord.self, forKey: name))
    case .leaves: self = .leaves(try line.decode(ExportLeaves.self, forKey: name))
    case .head: self = .head(try line.decode(ExportHead.self, forKey: name))
    case .close: self = .close(try line.decode(ExportClose.self, forKey: name))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var line = encoder.container(keyedBy: Key.self)
    switch self {
    case .export(let value): try line.encode(value, forKey: .export)
    case .key(let value): try line.encode(value, forKey: .key)
    case .log(let value): try line.encode(value, forKey: .log)
    case .record(let value): try line.encode(value, forKey: .record)
    case .leaves(let value): try line.encode(value, forKey: .leaves)
    case .head(let value): try line.encode(value, forKey: .head)
    case .close(let value): try line.encode(value, forKey: .close)
    }
  }
}

private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
