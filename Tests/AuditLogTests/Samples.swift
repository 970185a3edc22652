import AuditLog
import AuditRecordProto
import Foundation
import GatewayModel

/// Records of every kind: with every field set, with as many defaults as the kind allows, and with
/// values at their limits; each beside the same record in the generated type.
enum Samples {
  static let session = SessionID(
    Identifier128(high: 0x0192_3456_789A_7BCD, low: 0x8EF0_1234_5678_9ABC))
  static let digest = StatementDigest(of: Array("select 1".utf8))
  static let agent = AgentID(Identifier128(high: 7, low: 9))

  static func with<Record>(_ record: Record, _ change: (inout Record) -> Void) -> Record {
    var record = record
    change(&record)
    return record
  }

  static func message(
    _ header: RecordHeader, _ kind: Sallyport_Audit_V1_AuditRecord.OneOf_Kind
  ) -> Sallyport_Audit_V1_AuditRecord {
    .with {
      $0.seq = header.seq
      $0.unixNanoseconds = UInt64(bitPattern: header.time.unixNanoseconds)
      if let session = header.session { $0.session = Data(session.value.bytes) }
      $0.kind = kind
    }
  }

  static let headers = [
    RecordHeader(seq: 0, time: WallTime(unixNanoseconds: 0)),
    RecordHeader(
      seq: 1, time: WallTime(unixNanoseconds: 1_790_000_000_123_456_789), session: session),
    RecordHeader(seq: 127, time: WallTime(unixNanoseconds: -1), session: session),
    RecordHeader(seq: 128, time: WallTime(unixNanoseconds: .max)),
    RecordHeader(
      seq: .max, time: WallTime(unixNanoseconds: .min),
      session: SessionID(Identifier128(high: 0, low: 0))),
  ]

  static let begin = with(
    StatementBeginRecord(
      statement: StatementID(300), digest: digest, wireProtocol: .extended,
      parameters: [
        BoundParameter(typeOID: 23, value: .text("42")),
        BoundParameter(typeOID: 0, value: .null),
        BoundParameter(typeOID: 17, value: .binary([0, 255])),
        BoundParameter(typeOID: 25, value: .text("")),
        BoundParameter(typeOID: .max, value: .binary([])),
      ],
      transactionStatus: "T", preparedStatement: "s1", portal: "ü", rowLimit: 100,
      rule: "grant:analysts", bundleVersion: 1 << 40, durability: .powerSafe)
  ) {
    $0.policy = "orders-prod"
    $0.isPolicyStale = true
    $0.observed = [
      ObservedDecision(policy: "p", rule: "r", verdict: "deny"),
      ObservedDecision(policy: "", rule: "", verdict: ""),
    ]
  }
  static let end = StatementEndRecord(
    statement: StatementID(.max), outcome: .failed, sqlstate: "42P01",
    message: "relation \"x\" does not exist", commandTag: "SELECT 10000", rows: .max,
    bytes: 1 << 33,
    commands: .max, serverNanoseconds: 12_345_678, totalNanoseconds: 23_456_789,
    holdNanoseconds: 5)

  static func beginMessage() -> Sallyport_Audit_V1_StatementBegin {
    .with {
      $0.statement = 300
      $0.digest = Data(digest.bytes)
      $0.protocol = .extended
      $0.parameters = [
        .with {
          $0.typeOid = 23
          $0.text = "42"
        },
        .with { $0.null = true },
        .with {
          $0.typeOid = 17
          $0.binary = Data([0, 255])
        },
        .with {
          $0.typeOid = 25
          $0.text = ""
        },
        .with {
          $0.typeOid = .max
          $0.binary = Data()
        },
      ]
      $0.transactionStatus = "T"
      $0.preparedStatement = "s1"
      $0.portal = "ü"
      $0.rowLimit = 100
      $0.rule = "grant:analysts"
      $0.bundleVersion = 1 << 40
      $0.durability = .powerSafe
      $0.policy = "orders-prod"
      $0.policyStale = true
      $0.observed = [
        .with {
          $0.policy = "p"
          $0.rule = "r"
          $0.verdict = "deny"
        },
        .with { _ in },
      ]
    }
  }

  static func endMessage() -> Sallyport_Audit_V1_StatementEnd {
    .with {
      $0.statement = .max
      $0.outcome = .failed
      $0.sqlstate = "42P01"
      $0.message = "relation \"x\" does not exist"
      $0.commandTag = "SELECT 10000"
      $0.rows = .max
      $0.bytes = 1 << 33
      $0.commands = .max
      $0.serverNanoseconds = 12_345_678
      $0.totalNanoseconds = 23_456_789
      $0.holdNanoseconds = 5
    }
  }
}
