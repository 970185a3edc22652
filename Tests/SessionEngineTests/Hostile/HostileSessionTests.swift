import AuditLog
import NIOCore
import PostgresWire
import TestSupport
import Testing

/// What a client that was let in can do wrong, with the real server behind.
@Suite struct HostileSessionTests {
  struct Case: Sendable {
    var name: String
    var bytes: ByteBuffer
    var detail = ""
    /// The server only logs a length that cannot be.
    var isAnswered = true
  }

  /// Each ends the session, as the server ends it.
  static let violations: [Case] =
    [
      Case(
        name: "a password when none is due", bytes: Raw.message("p", Raw.text("secret\0")),
        detail: "a message of the unknown type 112"),
      Case(
        name: "a startup message", bytes: Raw.startupOfApp,
        detail: "a message of the unknown type 0"),
      Case(
        name: "SSLRequest", bytes: Raw.sslRequest, detail: "a message of the unknown type 0"),
      Case(
        name: "a TLS record", bytes: Raw.bytes([0x16, 3, 1, 0, 5]),
        detail: "a message of the unknown type 22"),
      Case(
        name: "a server's message", bytes: Raw.message("Z", Raw.text("I")),
        detail: "a message of the unknown type 90"),
      Case(name: "type 255", bytes: Raw.bytes([0xFF]), detail: "a message of the unknown type 255"),
    ]
    + (["Q", "P", "B", "d", "S", "X"] as [Unicode.Scalar]).flatMap { type in
      ([0, 3, 0x4000_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] as [UInt32]).map { length in
        Case(
          name: "\(type) of length \(length)", bytes: Raw.message(type, length: length),
          detail: "with the length \(length)", isAnswered: false)
      }
    }
    + (["S", "H", "c", "E"] as [Unicode.Scalar]).map { type in
      Case(
        name: "\(type) of length 10,005", bytes: Raw.message(type, length: 10_005),
        detail: "with the length 10005", isAnswered: false)
    }

  @Test func violationsEndTheSessionAndAreRecorded() async throws {
    let hostile = try await HostileRig()
    for (index, violation) in Self.violations.enumerated() {
      let client = try await hostile.session()
      try await client.peer.send(violation.bytes)
      if violation.isAnswered {
        let error = try await client.peer.receiveError()
        #expect(error.sqlState == "08P01", "\(violation.name): \(error.message)")
        #expect(error.severity == .fatal, "\(violation.name)")
      }
      #expect(try await client.peer.remainder().readableBytes == 0, "\(violation.name)")
      let records = try await hostile.rig.records("the end of \(violation.name)") {
        $0.refusals.count > index && $0.closes.count > index
      }
      #expect(records.refusals.count == index + 1, "\(violation.name)")
      #expect(records.refusals.last?.reason == "protocol_violation", "\(violation.name)")
      #expect(
        records.refusals.last?.detail.contains(violation.detail) == true,
        "\(violation.name): \(records.refusals.last?.detail ?? "")")
      #expect(records.refusals.last?.subject == "alice@example.com")
      #expect(records.closes.last?.reason == "server_closed", "\(violation.name)")
      #expect(
        records.closes.last?.sqlstate == (violation.isAnswered ? "08P01" : ""), "\(violation.name)")
    }
    #expect(try hostile.rig.records().begins.isEmpty)
    try await hostile.expectServes(after: "violations")
    try await hostile.expectNobodyLeft()
    await hostile.rig.end()
  }

  /// What comes behind a violation is not taken.
  @Test func aStatementBehindAViolationIsNotRun() async throws {
    let hostile = try await HostileRig()
    let client = try await hostile.session()
    _ = try await client.query("CREATE TEMP TABLE kept (n int)")
    try await client.peer.send(
      Raw.all(
        Raw.message("Q", Raw.text("SELECT 'before'\0")), Raw.bytes([0xFF]),
        Raw.message("Q", Raw.text("SELECT 'behind'\0"))))
    let before = try await client.reply()
    #expect(before.rows == [["before"]])
    #expect(try await client.peer.receiveError().sqlState == "08P01")
    let records = try await hostile.rig.records("the close") { !$0.closes.isEmpty }
    #expect(records.begin(of: "SELECT 'before'") != nil)
    #expect(records.begin(of: "SELECT 'behind'") == nil)
    await hostile.rig.end()
  }

  /// What the server answers with an error, and the session goes on.
  @Test func malformedMessagesFailAndTheSessionGoesOn() async throws {
    let hostile = try await HostileRig()
    let client = try await hostile.session()
    func bind(_ tail: [UInt8]) -> ByteBuffer { Raw.message("B", Raw.bytes([0, 0] + tail)) }
    let parse = Raw.message("P", Raw.text("\0SELECT $1\0\0\0"))
    let sync = Raw.message("S")
    let cases: [Case] = [
      Case(name: "a query without its end", bytes: Raw.message("Q", Raw.text("SELECT 1"))),
      Case(
        name: "a query with two ends", bytes: Raw.message("Q", Raw.text("SELECT 1\0SELECT 2\0"))),
      Case(name: "an empty body", bytes: Raw.message("Q")),
      Case(
        name: "a query that is not UTF-8",
        bytes: Raw.message("Q", Raw.bytes(Array("SELECT '".utf8) + [0xFF, 0x27, 0]))),
      Case(
        name: "a negative count of formats",
        bytes: Raw.all(parse, bind([0xFF, 0xFF, 0, 1, 0, 0, 0, 0, 0, 0]), sync)),
      Case(
        name: "a negative count of values", bytes: Raw.all(parse, bind([0, 0, 0xFF, 0xFF]), sync)),
      Case(
        name: "a value of length -2",
        bytes: Raw.all(parse, bind([0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFE, 0, 0]), sync)),
      Case(
        name: "a value of 2 GB",
        bytes: Raw.all(parse, bind([0, 0, 0, 1, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0]), sync)),
      Case(
        name: "a negative count of results",
        bytes: Raw.all(parse, bind([0, 0, 0, 0, 0xFF, 0xFF]), sync)),
      Case(
        name: "a Parse with a count alone",
        bytes: Raw.all(Raw.message("P", Raw.bytes([0, 0, 0xFF, 0xFF])), sync)),
      Case(
        name: "a Describe of kind X", bytes: Raw.all(Raw.message("D", Raw.text("Xa\0")), sync)),
      Case(name: "a Close without a name", bytes: Raw.all(Raw.message("C", Raw.text("S")), sync)),
      Case(
        name: "an Execute without its limit", bytes: Raw.all(Raw.message("E", Raw.text("\0")), sync)
      ),
      Case(
        name: "an Execute of no portal",
        bytes: Raw.all(Raw.message("E", Raw.text("nope\0\0\0\0\0")), sync)),
      Case(name: "Flush with a body", bytes: Raw.all(Raw.message("H", Raw.text("x")), sync)),
    ]
    for malformed in cases {
      try await client.peer.send(malformed.bytes)
      let reply = try await client.reply()
      #expect(reply.errors.count == 1, "\(malformed.name): \(reply.tags)")
      #expect(reply.status == .idle, "\(malformed.name)")
      #expect(reply.errors.first?.severity == .error, "\(malformed.name)")
      let next = try await client.query("SELECT 'goes on'")
      #expect(next.rows == [["goes on"]], "after \(malformed.name)")
    }
    // Stray COPY messages are ignored, as the server does.
    try await client.peer.send(
      Raw.all(
        Raw.message("d", Raw.text("1\n")), Raw.message("c"), Raw.message("f", Raw.text("no\0"))))
    #expect(try await client.query("SELECT 2").rows == [["2"]])
    try await client.terminate()
    let records = try await hostile.rig.records("the close") { !$0.closes.isEmpty }
    #expect(records.begins.count == records.ends.count)
    #expect(records.closes.first?.reason == "client_terminated")
    await hostile.rig.end()
  }

  /// An announced gigabyte is refused by its header, and what comes of it goes nowhere.
  @Test func aStatementOfAGigabyteIsRefusedByItsHeader() async throws {
    let hostile = try await HostileRig()
    let client = try await hostile.session()
    try await client.peer.send(Raw.message("Q", Raw.text("SELECT '"), length: 0x3FFF_FFF0))
    #expect(try await client.reply().sqlStates == ["54000"])
    for _ in 0..<64 { try await client.peer.send(ByteBuffer(repeating: 0x78, count: 1 << 20)) }
    let records = try await hostile.rig.records("the refusal") { !$0.refusals.isEmpty }
    #expect(records.refusals.first?.reason == "too_large")
    try await hostile.expectServes(after: "a statement of a gigabyte")
    await client.peer.close()
    try await hostile.expectNobodyLeft()
    await hostile.rig.end()
  }

  /// Sessions whose client is gone, at rest and in the middle of things, with and without a word.
  @Test(arguments: [true, false])
  func sessionsOfClientsThatAreGoneEnd(_ withReset: Bool) async throws {
    let hostile = try await HostileRig()
    let last: [ByteBuffer] = [
      ByteBuffer(), Raw.message("Q", Raw.text("BEGIN\0")), Raw.bytes([UInt8(ascii: "Q"), 0]),
      Raw.message("Q", Raw.text("SELECT 1"), length: 100),
      Raw.message("Q", Raw.text("SELECT generate_series(1, 3000000)\0")),
      Raw.message("P", Raw.text("\0SELECT 1\0\0\0")),
    ]
    for bytes in last {
      let client = try await hostile.session()
      try await client.peer.send(bytes)
      if withReset { try await client.peer.abort() } else { await client.peer.close() }
    }
    let records = try await hostile.rig.records("all closed") { $0.closes.count == last.count }
    #expect(records.closes.allSatisfy { $0.reason == "client_closed" })
    #expect(records.begins.count == records.ends.count)
    try await hostile.expectNobodyLeft()
    try await hostile.expectServes(after: "clients that are gone")
    await hostile.rig.end()
  }
}
