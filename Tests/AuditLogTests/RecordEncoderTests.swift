import AuditLog
import AuditRecordProto
import Crypto
import Foundation
import GatewayModel
import SwiftProtobuf
import Testing

/// Every record written by hand has the very bytes that the generated code writes for the same
/// content, so that any protobuf reader reads it and one content has one encoding.
@Suite struct RecordEncoderTests {
  private func expectSame<Body: RecordBody>(
    _ body: Body, _ kind: Sallyport_Audit_V1_AuditRecord.OneOf_Kind,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for header in Samples.headers {
      let bytes = RecordEncoder.encode(body, header: header)
      let expected = Samples.message(header, kind)
      #expect(
        try Sallyport_Audit_V1_AuditRecord(serializedBytes: Data(bytes)) == expected,
        sourceLocation: sourceLocation)
      #expect(
        Data(bytes) == (try expected.serializedData() as Data), sourceLocation: sourceLocation)
      // Fails for a body whose fields are read back otherwise than they were written.
      let decoded = try RecordDecoder.decode(bytes)
      #expect(decoded.kind == Body.kind, sourceLocation: sourceLocation)
      #expect("\(decoded.body)".contains("\(body)"), sourceLocation: sourceLocation)
    }
  }

  @Test func statementBegin() throws {
    try expectSame(Samples.begin, .statementBegin(Samples.beginMessage()))
    try expectSame(
      StatementBeginRecord(
        statement: StatementID(0), digest: Samples.digest, wireProtocol: .simple,
        transactionStatus: "", rule: "", bundleVersion: 0),
      .statementBegin(
        .with {
          $0.digest = Data(Samples.digest.bytes)
          $0.protocol = .simple
          $0.durability = .crashSafe
        }))
  }

  /// Lengths around every size of a length's varint, where the content is moved up.
  @Test(arguments: [0, 1, 50, 90, 120, 127, 128, 200, 16_200, 16_383, 16_384, 300_000, 2_200_000])
  func lengthsOfParameters(count: Int) throws {
    let text = String(repeating: "x", count: count)
    var begin = Samples.begin
    begin.parameters = [BoundParameter(typeOID: 25, value: .text(text))]
    var message = Samples.beginMessage()
    message.parameters = [
      .with {
        $0.typeOid = 25
        $0.text = text
      }
    ]
    let header = Samples.headers[1]
    #expect(
      Data(RecordEncoder.encode(begin, header: header))
        == (try Samples.message(header, .statementBegin(message)).serializedData() as Data))
  }

  @Test func controlRecords() throws {
    let caller = RecordedCaller(tokenID: "t1", name: "ci", role: "admin", address: "::1")
    let log = LogID(agent: Samples.agent, epoch: 1 << 33, lane: 3)
    let hash = Hash256(SHA256.hash(data: [1]))
    let named = Sallyport_Audit_V1_Caller.with {
      $0.tokenID = "t1"
      $0.name = "ci"
      $0.role = "admin"
      $0.address = "::1"
    }
    try expectSame(
      WitnessConflictRecord(knownCheckpoint: [1], offeredCheckpoint: [2, 3], reason: "root"),
      .witnessConflict(
        .with {
          $0.knownCheckpoint = Data([1])
          $0.offeredCheckpoint = Data([2, 3])
          $0.reason = "root"
        }))
    try expectSame(
      ControlActRecord(
        caller: caller, action: "connection.add", subject: "orders", detail: "{}",
        refusal: "conflict"),
      .controlAct(
        .with {
          $0.caller = named
          $0.action = "connection.add"
          $0.subject = "orders"
          $0.detail = "{}"
          $0.refusal = "conflict"
        }))
    try expectSame(
      AuditReadRecord(caller: caller, what: "statements", question: "{\"limit\":3}"),
      .auditRead(
        .with {
          $0.caller = named
          $0.what = "statements"
          $0.question = "{\"limit\":3}"
        }))
    try expectSame(
      AgentsWitnessRecord(heads: [
        .init(log: log, size: 300, root: hash, checkpoint: [9]),
        .init(
          log: LogID(agent: Samples.agent, epoch: 0, lane: 0), size: 0, root: hash, checkpoint: []),
      ]),
      .agentsWitness(
        .with {
          $0.heads = [
            .with {
              $0.agent = Data(Samples.agent.value.bytes)
              $0.epoch = 1 << 33
              $0.lane = 3
              $0.size = 300
              $0.root = Data(hash.bytes)
              $0.checkpoint = Data([9])
            },
            .with {
              $0.agent = Data(Samples.agent.value.bytes)
              $0.root = Data(hash.bytes)
            },
          ]
        }))
    try expectSame(
      RetentionPruneRecord(
        day: "2026-11-21",
        logs: [.init(log: log, firstSeq: 2, nextSeq: 7, frontier: [hash, hash, hash])],
        records: 5, exportFile: "a.jsonl", exportSHA256: hash.bytes),
      .retentionPrune(
        .with {
          $0.day = "2026-11-21"
          $0.logs = [
            .with {
              $0.agent = Data(Samples.agent.value.bytes)
              $0.epoch = 1 << 33
              $0.lane = 3
              $0.firstSeq = 2
              $0.nextSeq = 7
              $0.frontier = [Data(hash.bytes), Data(hash.bytes), Data(hash.bytes)]
            }
          ]
          $0.records = 5
          $0.exportFile = "a.jsonl"
          $0.exportSha256 = Data(hash.bytes)
        }))
    try expectSame(
      EquivocationRecord(
        log: log, size: 9, storedRoot: hash, checkpoint: [1, 2], detail: "two roots"),
      .equivocation(
        .with {
          $0.agent = Data(Samples.agent.value.bytes)
          $0.epoch = 1 << 33
          $0.lane = 3
          $0.size = 9
          $0.storedRoot = Data(hash.bytes)
          $0.checkpoint = Data([1, 2])
          $0.detail = "two roots"
        }))
  }

  @Test func statementEnd() throws {
    try expectSame(Samples.end, .statementEnd(Samples.endMessage()))
    for outcome in StatementEndRecord.Outcome.allCases {
      try expectSame(
        StatementEndRecord(statement: StatementID(1), outcome: outcome),
        .statementEnd(
          .with {
            $0.statement = 1
            $0.outcome = .init(rawValue: Int(outcome.rawValue))!
          }))
    }
  }

  @Test func statementText() throws {
    let text = Array("select 'ü'".utf8)
    let digest = StatementDigest(of: text)
    try expectSame(
      StatementTextRecord(digest: digest, chunk: 3, isLast: true, text: text),
      .statementText(
        .with {
          $0.digest = Data(digest.bytes)
          $0.chunk = 3
          $0.last = true
          $0.text = Data(text)
        }))
    try expectSame(
      StatementTextRecord(digest: digest, chunk: 0, isLast: false, text: []),
      .statementText(.with { $0.digest = Data(digest.bytes) }))
  }

  @Test func sessionOpen() throws {
    let principal = Principal(
      issuer: "sallyport", subject: "alice@example.com", displayName: "Alice",
      groups: ["analysts", "", "ops"], kind: .aiAgent)
    try expectSame(
      Samples.with(
        SessionOpenRecord(
          principal: principal, tokenID: "t-1",
          actors: ActorChain(actors: [
            Actor(subject: "bot", kind: .aiAgent, verified: true),
            Actor(subject: "alice@example.com", kind: .user, verified: false),
          ]),
          connection: "orders", connectionID: Identifier128(high: 1, low: 2), database: "shop",
          databaseRole: "reader", segment: "eu", clientAddress: "192.0.2.1:5000",
          clientTLS: "TLSv1.3", serverAddress: "192.0.2.2:5432", serverTLS: "TLSv1.3",
          applicationName: "psql", grant: "g", bundleVersion: 12, bundleHash: [1, 2, 3],
          tokenExpiresUnixSeconds: 1_790_000_000)
      ) {
        $0.policy = "orders-prod"
        $0.isPolicyStale = true
        $0.isReadOnly = true
      },
      .sessionOpen(
        .with {
          $0.issuer = "sallyport"
          $0.subject = "alice@example.com"
          $0.displayName = "Alice"
          $0.groups = ["analysts", "", "ops"]
          $0.kind = "ai_agent"
          $0.tokenID = "t-1"
          $0.actors = [
            .with {
              $0.subject = "bot"
              $0.kind = "ai_agent"
              $0.verified = true
            },
            .with {
              $0.subject = "alice@example.com"
              $0.kind = "user"
            },
          ]
          $0.connection = "orders"
          $0.connectionID = Data(Identifier128(high: 1, low: 2).bytes)
          $0.database = "shop"
          $0.databaseRole = "reader"
          $0.segment = "eu"
          $0.clientAddress = "192.0.2.1:5000"
          $0.clientTls = "TLSv1.3"
          $0.serverAddress = "192.0.2.2:5432"
          $0.serverTls = "TLSv1.3"
          $0.applicationName = "psql"
          $0.grant = "g"
          $0.bundleVersion = 12
          $0.bundleHash = Data([1, 2, 3])
          $0.tokenExpiresUnixSeconds = 1_790_000_000
          $0.policy = "orders-prod"
          $0.policyStale = true
          $0.readOnly = true
        }))
  }

  @Test func sessionClose() throws {
    try expectSame(
      SessionCloseRecord(
        reason: "shutdown", sqlstate: "57P01", statements: 9, clientBytes: 10, serverBytes: 11,
        durationNanoseconds: 12, message: "m"),
      .sessionClose(
        .with {
          $0.reason = "shutdown"
          $0.sqlstate = "57P01"
          $0.statements = 9
          $0.clientBytes = 10
          $0.serverBytes = 11
          $0.durationNanoseconds = 12
          $0.message = "m"
        }))
  }

  @Test func refusal() throws {
    try expectSame(
      Samples.with(
        RefusalRecord(
          reason: "no_grant", detail: "d", sqlstate: "28000", message: "m",
          statement: StatementID(4), digest: Samples.digest, subject: "bob", tokenID: "t",
          connection: "orders", databaseRole: "reader", clientAddress: "a", applicationName: "p",
          groups: ["g"], principalKind: .service, leftOut: 300)
      ) {
        $0.policy = "orders-prod"
        $0.rule = "no-ddl"
        $0.bundleVersion = 7
        $0.bundleHash = [9, 8]
      },
      .refusal(
        .with {
          $0.reason = "no_grant"
          $0.detail = "d"
          $0.sqlstate = "28000"
          $0.message = "m"
          $0.statement = 4
          $0.digest = Data(Samples.digest.bytes)
          $0.subject = "bob"
          $0.tokenID = "t"
          $0.connection = "orders"
          $0.databaseRole = "reader"
          $0.clientAddress = "a"
          $0.applicationName = "p"
          $0.groups = ["g"]
          $0.kind = "service"
          $0.leftOut = 300
          $0.policy = "orders-prod"
          $0.rule = "no-ddl"
          $0.bundleVersion = 7
          $0.bundleHash = Data([9, 8])
        }))
    try expectSame(RefusalRecord(reason: "r"), .refusal(.with { $0.reason = "r" }))
  }

  @Test func recordsOfTheLog() throws {
    try expectSame(
      CancelRecord(matched: true, clientAddress: "a", statement: StatementID(2), leftOut: 3),
      .cancel(
        .with {
          $0.matched = true
          $0.clientAddress = "a"
          $0.statement = 2
          $0.leftOut = 3
        }))
    try expectSame(CancelRecord(matched: false, clientAddress: ""), .cancel(.init()))
    try expectSame(
      LogOpenRecord(
        log: LogID(agent: Samples.agent, epoch: 5, lane: 6), agentVersion: "1", host: "h",
        continued: true, previousRoot: [9], previousSize: 8),
      .logOpen(
        .with {
          $0.agent = Data(Samples.agent.value.bytes)
          $0.epoch = 5
          $0.lane = 6
          $0.agentVersion = "1"
          $0.host = "h"
          $0.continued = true
          $0.previousRoot = Data([9])
          $0.previousSize = 8
        }))
    try expectSame(LogCloseRecord(reason: "r"), .logClose(.with { $0.reason = "r" }))
    try expectSame(
      LossRecord(
        reason: "damaged", firstLostSeq: 1, lostAtMost: 2, from: WallTime(unixNanoseconds: 3),
        to: WallTime(unixNanoseconds: 4)),
      .loss(
        .with {
          $0.reason = "damaged"
          $0.firstLostSeq = 1
          $0.lostAtMost = 2
          $0.fromUnixNanoseconds = 3
          $0.toUnixNanoseconds = 4
        }))
    try expectSame(
      HeartbeatRecord(openSessions: 1, backlogRecords: 2),
      .heartbeat(
        .with {
          $0.openSessions = 1
          $0.backlogRecords = 2
        }))
    try expectSame(
      BundleAppliedRecord(version: 1, hash: [2]),
      .bundleApplied(
        .with {
          $0.version = 1
          $0.hash = Data([2])
        }))
    try expectSame(
      BundleRejectedRecord(version: 1, hash: [2], reason: "r", detail: "d"),
      .bundleRejected(
        .with {
          $0.version = 1
          $0.hash = Data([2])
          $0.reason = "r"
          $0.detail = "d"
        }))
  }

  @Test func appendsBehindWhatIsThere() throws {
    var fields = FieldWriter()
    RecordEncoder.append(Samples.begin, header: Samples.headers[1], to: &fields)
    let first = fields.count
    RecordEncoder.append(Samples.end, header: Samples.headers[2], to: &fields)
    let second = try Sallyport_Audit_V1_AuditRecord(
      serializedBytes: Data(fields.bytes[first...]))
    #expect(second.statementEnd == Samples.endMessage())
    fields.removeAll(after: first)
    #expect(fields.bytes == RecordEncoder.encode(Samples.begin, header: Samples.headers[1]))
  }
}
