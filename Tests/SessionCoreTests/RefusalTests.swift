import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

@Suite struct RefusalTests {
  private static let token = "sallyport:0123456789abcdeffedcba9876543210"

  private func small() -> SessionHarness {
    var limits = SessionLimits()
    limits.maximumStatementBytes = 64
    return SessionHarness.ready(limits: limits)
  }

  private let long = String(repeating: "x", count: 100)

  @Test func functionCallIsReplacedByAQueryThatFails() throws {
    var session = SessionHarness.ready()
    session.client(Client.functionCall, Client.query("after"))
    #expect(types(session.toServer) == "QQ")
    let sent = String(buffer: session.toServer)
    #expect(sent.contains("ERRCODE = '0A000'"))
    #expect(sent.contains(Self.token + ":1"))
    #expect(session.outcomes == "1 refused")
    #expect(session.refusals.map(\.reason) == [.unsupported])
    #expect(session.refusals[0].statement == StatementID(1))
    session.server(
      Self.provoked("0A000", constraint: Self.token + ":1"), Server.ready(.failed),
      Server.complete("A"), Server.ready())
    #expect(types(session.toClient) == "EZCZ")
    #expect(session.clientErrors == ["0A000"])
    #expect(!String(buffer: session.toClient).contains("sallyport:"))
    #expect(String(buffer: session.toClient).contains("Call the function in a SQL statement, or "))
    let detail = "DIt was called by a FunctionCall message.\0"
    #expect(String(buffer: session.toClient).contains(detail))
    #expect(session.outcomes == "1 refused, 2 completed")
  }

  @Test func allowedFunctionCallPasses() {
    var policy = StatementPolicy()
    policy.allowsFunctionCalls = true
    var session = SessionHarness.ready(policy: policy)
    session.client(Client.functionCall)
    #expect(session.toServer == Client.functionCall)
    session.server(message("V", "\0\0\0\0"), Server.ready())
    #expect(session.outcomes == "1 completed")
  }

  /// `lo_open(16412, 262144)` and `lowrite(0, …)`, as libpq calls them.
  @Test func functionCallAllowedByTheConnection() {
    var session = SessionHarness()
    session.logIn(allowingFunctionCalls: true)
    session.forget()
    let call = message(
      "F",
      write {
        $0.writeInteger(UInt32(955))
        $0.writeMultipleIntegers(Int16(1), Int16(1), Int16(3))
        $0.writeMultipleIntegers(Int32(4), Int32(7), Int32(-1), Int32(2))
        $0.writeBytes([0xFF, 0])
        $0.writeInteger(Int16(1))
      })
    session.client(call, message("F", "\0\0"))
    #expect(session.toServer == all([call, message("F", "\0\0")]))
    #expect(session.begins.map(\.kind) == [.functionCall, .functionCall])
    #expect(session.begins.map { String(buffer: $0.text) } == ["955", ""])
    #expect(
      session.begins[0].parameters == [
        StatementParameter(typeOID: 0, value: .binary(ByteBuffer(integer: Int32(7)))),
        StatementParameter(typeOID: 0, value: .null),
        StatementParameter(typeOID: 0, value: .binary(ByteBuffer(bytes: [0xFF, 0]))),
      ])
    session.server(message("V", "\0\0\0\u{4}\0\0\0\0"), Server.ready())
    session.server(Server.error("08P01"), Server.ready())
    #expect(session.outcomes == "1 completed, 2 failed")
  }

  @Test func tooLargeQuery() {
    var session = small()
    for byte in all([Client.query(long), Client.query("ok")]).readableBytesView {
      session.client(ByteBuffer(bytes: [byte]))
    }
    #expect(session.core.bufferedBytes < 100)
    #expect(!String(buffer: session.toServer).contains(long))
    #expect(types(session.toServer) == "QQ")
    session.server(
      Self.provoked("54000", constraint: Self.token + ":1"), Server.ready(), Server.complete("OK"),
      Server.ready())
    #expect(session.clientErrors == ["54000"])
    #expect(session.outcomes == "1 refused, 2 completed")
    #expect(session.refusals.map(\.reason) == [.tooLarge])
  }

  /// Dropping the Parse would let the server commit what stands before it.
  @Test func tooLargeParseFailsAtTheServer() throws {
    var session = small()
    session.client(
      Client.parse("s", long), Client.bind("", "s"), Client.execute(), Client.sync)
    #expect(types(session.toServer) == "PBES")
    var stream = MessageStream()
    stream.append(session.toServer)
    let first = stream.next()
    let parse = try FrontendMessage.Parse(decoding: #require(first).body)
    #expect(String(buffer: parse.sql) == "SELECT \"\(Self.token):1\"")
    #expect(!parse.name.isUnnamed)
    session.server(
      Server.error("42703", "column \"\(Self.token):1\" does not exist"), Server.ready())
    #expect(session.clientErrors == ["54000"])
    #expect(session.outcomes == "1 refused, 2 skipped")
  }

  @Test func tooLargeBindFailsAtTheServer() {
    var session = small()
    session.client(
      Client.parse("s", "x"), Client.bind("", "s", [ByteBuffer(string: long)]), Client.execute(),
      Client.sync)
    #expect(types(session.toServer) == "PBES")
    session.server(
      Server.parseComplete,
      Server.error("26000", "prepared statement \"\(Self.token):1\" does not exist"),
      Server.ready())
    #expect(session.clientErrors == ["54000"])
    #expect(session.outcomes == "1 refused, 2 skipped")
  }

  /// In a failed transaction the server answers 25P02, as it does to anything.
  @Test func otherErrorsOfTheServerStay() {
    var session = SessionHarness.ready()
    session.client(Client.functionCall)
    session.server(Server.error("25P02"), Server.ready(.failed))
    #expect(session.clientErrors == ["25P02"])
    #expect(session.core.pipeline.refusals.isEmpty)
  }

  @Test func refusalSkippedByAnEarlierError() {
    var session = small()
    session.client(Client.parse("", "bad"), Client.parse("", long), Client.sync)
    session.server(Server.error("42601"), Server.ready())
    #expect(session.clientErrors == ["42601"])
    #expect(session.core.pipeline.refusals.isEmpty)
    #expect(session.core.pipeline.queue.count == 0)
  }

  @Test func serverThatDoesWhatWasRefusedEndsTheSession() {
    var session = small()
    session.client(Client.parse("", long), Client.sync)
    session.server(Server.parseComplete, Server.ready())
    #expect(session.clientErrors == ["08006"])
    #expect(session.core.isClosed)
    #expect(session.toClient.readableBytesView.first == UInt8(ascii: "E"))
  }

  @Test func preparedTextsAreBounded() {
    var limits = SessionLimits()
    limits.maximumRetainedBytes = 1_500
    var session = SessionHarness.ready(limits: limits)
    for index in 0..<5 {
      session.client(Client.parse("s\(index)", String(repeating: "y", count: 300)), Client.sync)
    }
    #expect(session.core.bufferedBytes < 2_500)
    #expect(session.refusals.map(\.sqlstate) == ["54000", "54000", "54000"])
  }

  @Test func expiredTokenEndsBeforeTheStatement() {
    var session = SessionHarness.ready()
    session.client(Client.query("begin"))
    session.server(Server.complete("BEGIN"), Server.ready(.inTransaction))
    session.now = SessionHarness.expiry
    session.client(Client.query("delete"))
    #expect(session.begins.count == 1)
    #expect(types(session.toServer) == "QX")
    #expect(session.clientErrors == ["57P01"])
    #expect(String(buffer: session.toClient).contains("Get a new token"))
    #expect(session.refusals.map(\.reason) == [.tokenExpired])
    #expect(session.closes.map(\.cause) == [.ended(.tokenExpired)])
    #expect(session.serverCloses == 1)
    #expect(session.clientCloses == 1)
  }

  @Test func bytesBeforeTheExpiredStatementGoFirst() {
    var session = SessionHarness.ready()
    session.client(Client.query("copy"))
    session.server(Server.copyIn)
    session.now = SessionHarness.expiry
    session.client(Client.copyData("1"), Client.copyDone, Client.query("next"))
    #expect(types(session.toServer) == "QdcX")
    #expect(session.outcomes == "1 unknown")
    #expect(session.cancels == 1)
  }

  private static func provoked(_ code: String, constraint: String) -> ByteBuffer {
    write {
      BackendMessage.Diagnostic(fields: [
        .init(.severity, ByteBuffer(string: "ERROR")), .init(.sqlState, ByteBuffer(string: code)),
        .init(.message, ByteBuffer(string: "m")),
        .init(.constraint, ByteBuffer(string: constraint)),
        .init(.where, ByteBuffer(string: "PL/pgSQL function inline_code_block")),
      ]).encodeError(into: &$0)
    }
  }
}
