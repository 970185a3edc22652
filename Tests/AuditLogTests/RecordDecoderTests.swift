import AuditLog
import AuditRecordProto
import Foundation
import GatewayModel
import SwiftProtobuf
import Testing

@Suite struct RecordDecoderTests {
  private func expectRoundTrip<Body: RecordBody>(
    _ body: Body, _ expected: DecodedRecord.Body, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for header in Samples.headers {
      let record = try RecordDecoder.decode(RecordEncoder.encode(body, header: header))
      #expect(record.header == header, sourceLocation: sourceLocation)
      #expect(record.body == expected, sourceLocation: sourceLocation)
      #expect(record.kind == Body.kind, sourceLocation: sourceLocation)
    }
  }

  @Test func readsEveryKindBack() throws {
    try expectRoundTrip(Samples.begin, .statementBegin(Samples.begin))
    try expectRoundTrip(Samples.end, .statementEnd(Samples.end))
    let text = StatementTextRecord(digest: Samples.digest, chunk: 1, isLast: true, text: [1, 2])
    try expectRoundTrip(text, .statementText(text))
    var open = SessionOpenRecord(
      principal: Principal(issuer: "i", subject: "s", groups: ["a", "b"], kind: .service),
      tokenID: "t",
      actors: ActorChain(actors: [Actor(subject: "s", kind: .service, verified: true)]),
      connection: "c", connectionID: Identifier128(high: 0, low: 1), database: "d",
      databaseRole: "r", segment: "g", clientAddress: "a", grant: "g", bundleVersion: 3,
      bundleHash: [1])
    open.policy = "p"
    open.isReadOnly = true
    try expectRoundTrip(open, .sessionOpen(open))
    let close = SessionCloseRecord(reason: "client_closed", statements: 2)
    try expectRoundTrip(close, .sessionClose(close))
    var refusal = RefusalRecord(
      reason: "no_grant", digest: Samples.digest, subject: "bob", groups: ["x"],
      principalKind: .user, leftOut: 7)
    refusal.policy = "p"
    refusal.rule = "r"
    refusal.bundleVersion = 3
    refusal.bundleHash = [1, 2]
    try expectRoundTrip(refusal, .refusal(refusal))
    let cancel = CancelRecord(matched: true, clientAddress: "a", leftOut: 8)
    try expectRoundTrip(cancel, .cancel(cancel))
    let applied = BundleAppliedRecord(version: 1, hash: [1])
    try expectRoundTrip(applied, .bundleApplied(applied))
    let rejected = BundleRejectedRecord(version: 1, hash: [], reason: "r", detail: "")
    try expectRoundTrip(rejected, .bundleRejected(rejected))
    let logOpen = LogOpenRecord(
      log: LogID(agent: Samples.agent, epoch: 1, lane: 0), agentVersion: "v", host: "h",
      continued: false)
    try expectRoundTrip(logOpen, .logOpen(logOpen))
    let logClose = LogCloseRecord(reason: "")
    try expectRoundTrip(logClose, .logClose(logClose))
    let loss = LossRecord(
      reason: "disk_full", firstLostSeq: 5, lostAtMost: 6, from: WallTime(unixNanoseconds: 1),
      to: WallTime(unixNanoseconds: 2))
    try expectRoundTrip(loss, .loss(loss))
    let beat = HeartbeatRecord(openSessions: 0, backlogRecords: 0)
    try expectRoundTrip(beat, .heartbeat(beat))
  }

  @Test func saysWhatARecordIsAbout() throws {
    let begin = try RecordDecoder.decode(
      RecordEncoder.encode(Samples.begin, header: Samples.headers[1]))
    #expect(begin.statement == StatementID(300))
    #expect(begin.digest == Samples.digest)
    #expect(begin.subject == nil)
    let refusal = try RecordDecoder.decode(
      RecordEncoder.encode(
        RefusalRecord(reason: "r", subject: "bob"), header: Samples.headers[1]))
    #expect(refusal.statement == nil)
    #expect(refusal.subject == "bob")
  }

  private func expect(
    _ code: RecordDecodingError.Code, _ message: Sallyport_Audit_V1_AuditRecord,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let bytes: Data = try message.serializedData()
    let error = #expect(throws: RecordDecodingError.self, sourceLocation: sourceLocation) {
      _ = try RecordDecoder.decode(bytes)
    }
    #expect(error?.code == code, sourceLocation: sourceLocation)
  }

  @Test func refusesWhatNoWriterWrites() throws {
    try expect(.unknownKind, Sallyport_Audit_V1_AuditRecord())
    try expect(
      .invalidValue,
      .with {
        $0.session = Data(count: 15)
        $0.logClose = .init()
      })
    try expect(
      .invalidValue,
      .with {
        $0.statementBegin = Samples.beginMessage()
        $0.statementBegin.digest = Data(count: 31)
      })
    try expect(
      .invalidValue,
      .with {
        $0.statementBegin = Samples.beginMessage()
        $0.statementBegin.protocol = .UNRECOGNIZED(77)
      })
    try expect(
      .invalidValue,
      .with {
        $0.statementBegin = Samples.beginMessage()
        $0.statementBegin.parameters = [.init()]
      })
    try expect(.invalidValue, .with { $0.statementEnd = .init() })
    try expect(.invalidValue, .with { $0.sessionOpen = .with { $0.kind = "robot" } })
    try expect(.invalidValue, .with { $0.logOpen = .init() })
  }

  @Test func refusesAKindFromTheFuture() throws {
    // Field 30, a message of one byte.
    let error = #expect(throws: RecordDecodingError.self) {
      _ = try RecordDecoder.decode([0x08, 0x05, 0xF2, 0x01, 0x01, 0x00] as [UInt8])
    }
    #expect(error?.code == .unknownKind)
    #expect(error?.message.contains("seq 5") == true)
  }

  /// Cut at any byte and with any byte changed, a record is refused or read, and never traps.
  @Test func survivesDamage() throws {
    let bytes = RecordEncoder.encode(Samples.begin, header: Samples.headers[1])
    for count in 0..<bytes.count {
      #expect(throws: RecordDecodingError.self) { _ = try RecordDecoder.decode(bytes[..<count]) }
    }
    for (index, bit) in bytes.indices.flatMap({ index in (0..<8).map { (index, $0) } }) {
      var damaged = bytes
      damaged[index] ^= 1 << bit
      _ = try? RecordDecoder.decode(damaged)
      _ = damaged.withUnsafeBytes { RecordDecoder.seq(of: $0) }
    }
  }

  @Test func readsTheSeqAlone() {
    for header in Samples.headers {
      let bytes = RecordEncoder.encode(LogCloseRecord(reason: "r"), header: header)
      #expect(bytes.withUnsafeBytes { RecordDecoder.seq(of: $0) } == header.seq)
    }
    for bytes in [
      [], [0x08], [0x08, 0x80], [0x10, 1], [0x08] + [UInt8](repeating: 0xFF, count: 11),
    ]
      as [[UInt8]]
    {
      #expect(bytes.withUnsafeBytes { RecordDecoder.seq(of: $0) } == nil)
    }
  }
}
