import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// Results with more rows than a connection allows: refused in their middle, without desync.
@Suite struct RowLimitTests {
  private static let cancelled = Server.error("57014", "canceling statement due to user request")
  private static let allowsThree = "Connection \"orders\" allows 3 rows of one statement."

  private func limited(_ rows: Int = 3) -> SessionHarness {
    var policy = StatementPolicy()
    policy.maximumRows = rows
    return SessionHarness.ready(policy: policy)
  }

  /// The errors that the client was shown, whole.
  private func diagnostics(_ session: SessionHarness) -> [BackendMessage.Diagnostic] {
    var stream = MessageStream()
    stream.append(session.toClient)
    var found: [BackendMessage.Diagnostic] = []
    while let next = stream.next() {
      guard next.type == "E", let error = try? BackendMessage.Diagnostic(decoding: next.body)
      else { continue }
      found.append(error)
    }
    return found
  }

  @Test func aResultWithinTheLimitPasses() {
    for count in 0...3 {
      var session = limited()
      let answer = all([
        Server.rowDescription, Server.rows(count), Server.complete("SELECT \(count)"),
        Server.ready(),
      ])
      session.client(Client.query("select"))
      session.server(answer)
      #expect(session.toClient == answer)
      #expect(session.outcomes == "1 completed")
      #expect(session.refusals.isEmpty && session.cancelled.isEmpty)
    }
  }

  @Test func theRowOverTheLimitEndsTheResult() throws {
    var session = limited()
    session.client(Client.query("select"))
    session.server(Server.rowDescription, Server.rows(5))
    #expect(session.toClient == all([Server.rowDescription, Server.rows(3)]))
    #expect(session.cancelled == [StatementID(1)])
    #expect(session.refusals.map(\.reason) == [.rowLimit])
    #expect(session.refusals.first?.statement == StatementID(1))
    #expect(session.refusals.first?.detail == Self.allowsThree)
    for _ in 0..<100 {
      session.server(Server.rows(1_000), message("D", ByteBuffer(repeating: 0, count: 9_999)))
    }
    #expect(session.core.bufferedBytes < 2_000)
    session.server(Self.cancelled, Server.ready())
    #expect(types(session.toClient) == "TDDDEZ")
    let error = try #require(diagnostics(session).first)
    #expect(error.sqlState == "42501" && error.severity == .error)
    #expect(error.message == "the result has more rows than are allowed")
    #expect(error.text(.detail) == Self.allowsThree)
    #expect(error.text(.hint)?.contains("LIMIT") == true)
    #expect(session.outcomes == "1 refused")
    let end = try #require(session.ends.first)
    #expect(end.rows == 3 && end.sqlstate == "42501" && end.message == error.message)
    #expect(end.bytes > 1_000_000)
    #expect(session.cancelled.count == 1 && session.cancels == 0 && session.refusals.count == 1)
    // The session goes on, and the next statement has a limit of its own.
    session.forget()
    session.client(Client.query("select"))
    session.server(Server.rows(3), Server.complete("SELECT 3"), Server.ready())
    #expect(types(session.toClient) == "DDDCZ")
    #expect(session.outcomes == "2 completed")
  }

  @Test func aTransactionIsAbortedByTheServer() {
    var session = limited(1)
    session.client(Client.query("begin"))
    session.server(Server.complete("BEGIN"), Server.ready(.inTransaction))
    session.client(Client.query("select"))
    session.server(Server.rowDescription, Server.rows(2), Self.cancelled, Server.ready(.failed))
    #expect(types(session.toClient) == "CZTDEZ")
    #expect(session.core.pipeline.transactionStatus == UInt8(ascii: "E"))
    session.client(Client.query("rollback"))
    session.server(Server.complete("ROLLBACK"), Server.ready())
    #expect(session.outcomes == "1 completed, 2 refused, 3 completed")
  }

  /// All statements of one Query are one execution; rows that were only affected do not count.
  @Test func theStatementsOfAQueryShareTheLimit() {
    var session = limited(3)
    session.client(Client.query("insert; select; select; select"))
    session.server(
      Server.complete("INSERT 0 500"), Server.rowDescription, Server.rows(2),
      Server.complete("SELECT 2"), Server.rowDescription, Server.rows(2))
    #expect(types(session.toClient) == "CTDDCTD")
    session.server(Self.cancelled, Server.ready())
    #expect(types(session.toClient) == "CTDDCTDEZ")
    #expect(session.outcomes == "1 refused")
    #expect(session.ends.first?.rows == 503)
  }

  @Test func whatIsBehindItInThePipelineIsSkipped() {
    var session = limited()
    session.client(
      Client.parse("", "select"), Client.bind(), Client.execute(), Client.bind(),
      Client.execute(), Client.sync, Client.bind(), Client.execute(), Client.sync)
    session.server(Server.parseComplete, Server.bindComplete, Server.rows(4))
    #expect(session.cancelled == [StatementID(1)])
    session.server(Self.cancelled, Server.ready())
    #expect(types(session.toClient) == "12DDDEZ")
    #expect(session.outcomes == "1 refused, 2 skipped")
    session.server(
      Server.bindComplete, Server.rows(3), Server.complete("SELECT 3"), Server.ready())
    #expect(types(session.toClient) == "12DDDEZ2DDDCZ")
    #expect(session.outcomes == "1 refused, 2 skipped, 3 completed")
  }

  @Test func theExecutesOfAPortalShareTheLimit() {
    var session = limited(5)
    session.client(Client.query("begin"))
    session.server(Server.complete("BEGIN"), Server.ready(.inTransaction))
    session.forget()
    session.client(
      Client.parse("s", "select"), Client.bind("p", "s"), Client.bind("q", "s"),
      Client.execute("p", rows: 2), Client.execute("q", rows: 2), Client.execute("p", rows: 2),
      Client.sync)
    session.server(Server.parseComplete, Server.bindComplete, Server.bindComplete)
    for _ in 0..<3 { session.server(Server.rows(2), Server.suspended) }
    session.server(Server.ready(.inTransaction))
    #expect(session.refusals.isEmpty)
    // A new portal of the name, which was not executed, changes nothing of the other.
    session.client(Client.bind("q", "s"), Client.execute("q", rows: 3), Client.sync)
    session.server(
      Server.bindComplete, Server.rows(3), Server.suspended, Server.ready(.inTransaction))
    #expect(session.refusals.isEmpty)
    session.client(Client.execute("p", rows: 2), Client.sync)
    session.server(Server.rows(2))
    #expect(session.refusals.map(\.reason) == [.rowLimit])
    session.server(Self.cancelled, Server.ready(.failed))
    #expect(types(session.toClient) == "122DDsDDsDDsZ2DDDsZDEZ")
    #expect(session.outcomes.hasSuffix("5 suspended, 6 refused"))
    #expect(session.ends.last?.rows == 1)
  }

  /// A portal that has returned all that is allowed: the next row is over the limit at once.
  @Test func aSpentPortalReturnsNothingMore() {
    var session = limited(2)
    session.client(
      Client.parse("", "select"), Client.bind(), Client.execute(rows: 2), Client.execute(),
      Client.sync)
    session.server(
      Server.parseComplete, Server.bindComplete, Server.rows(2), Server.suspended,
      Server.rows(1), Self.cancelled, Server.ready())
    #expect(types(session.toClient) == "12DDsEZ")
    #expect(session.outcomes == "1 suspended, 2 refused")
    #expect(session.ends.last?.rows == 0)
    #expect(session.core.pipeline.catalogue.rowsReturned(before: StatementID(2)) == 0)
  }

  @Test func copyToTheClientIsLimited() {
    var session = limited(2)
    session.client(Client.query("copy t to stdout"))
    session.server(Server.copyOut, Server.copyData("1\n"), Server.copyData("2\n"))
    #expect(session.refusals.isEmpty)
    session.server(Server.copyData("3\n"), Server.copyData("4\n"))
    #expect(session.cancelled == [StatementID(1)])
    session.server(Self.cancelled, Server.ready())
    #expect(types(session.toClient) == "HddEZ")
    #expect(session.clientErrors == ["42501"])
    #expect(session.ends.first?.rows == 2)
  }

  @Test func copyFromTheClientIsNot() {
    var session = limited(2)
    session.client(Client.query("copy t from stdin"))
    session.server(Server.copyIn)
    for _ in 0..<10 { session.client(Client.copyData("1\n")) }
    session.client(Client.copyDone)
    session.server(Server.complete("COPY 10"), Server.ready())
    #expect(session.outcomes == "1 completed")
  }

  /// The cancel came too late: what the client has must not look complete.
  @Test(arguments: [
    Server.complete("SELECT 4"), Server.suspended, Server.copyDone,
  ])
  func aResultThatCompletesAllTheSameEndsTheSession(_ last: ByteBuffer) throws {
    var session = limited()
    session.client(
      Client.parse("", "select"), Client.bind(), Client.execute(rows: 9), Client.sync)
    session.server(Server.parseComplete, Server.bindComplete, Server.rows(4))
    session.server(Server.rows(1), last, Server.ready())
    #expect(types(session.toClient) == "12DDDE")
    let error = try #require(diagnostics(session).first)
    #expect(error.severity == .fatal && error.sqlState == "42501")
    #expect(error.text(.detail) == Self.allowsThree)
    #expect(session.outcomes == "1 refused")
    #expect(session.ends.first?.rows == 3)
    #expect(session.closes.map(\.cause) == [.ended(.rowLimit)])
    #expect(session.refusals.map(\.statement) == [StatementID(1), nil])
    #expect(session.serverCloses == 1 && session.clientCloses == 1)
  }

  /// The cancel got lost, and the result has no end.
  @Test(arguments: [true, false]) func aResultThatGoesOnEndsTheSession(inARow: Bool) throws {
    var session = limited()
    session.client(Client.query("select"))
    let row = message("D", ByteBuffer(repeating: 0, count: 9_999))
    session.server(Server.rowDescription, Server.rows(4), row)
    if inARow { session.server(try #require(row.getSlice(at: 0, length: 100))) }
    session.send(.timerFired(.refusedResult))
    #expect(types(session.toClient) == "TDDDE")
    #expect(diagnostics(session).map(\.severity) == [.fatal])
    #expect(session.outcomes == "1 refused")
    #expect(session.closes.map(\.cause) == [.ended(.rowLimit)])
  }

  @Test func aResultThatWasCancelledInTimeEndsNothing() {
    var session = limited()
    session.client(Client.query("select"))
    session.server(Server.rows(4), Self.cancelled, Server.ready())
    session.send(.timerFired(.refusedResult))
    #expect(types(session.toClient) == "DDDEZ")
    #expect(session.closes.isEmpty)
  }

  @Test func aServerThatCannotBeCancelledEndsTheSession() {
    var session = limited()
    session.core.serverCancelKey = nil
    session.client(Client.query("select"))
    session.server(Server.rowDescription, Server.rows(4))
    #expect(types(session.toClient) == "TDDDE")
    #expect(session.closes.map(\.cause) == [.ended(.rowLimit)])
    #expect(session.outcomes == "1 refused")
  }

  @Test func anotherErrorOfTheServerIsShownAsItIs() {
    var session = limited()
    session.client(Client.query("select"))
    session.server(Server.rows(4), Server.error("22012", "division by zero"), Server.ready())
    #expect(session.clientErrors == ["22012"])
    #expect(diagnostics(session).first?.message == "division by zero")
    #expect(session.outcomes == "1 refused")
    #expect(session.ends.first?.sqlstate == "22012")
    #expect(session.core.isReady)
  }

  @Test func aCancelWithinTheLimitIsShownAsItIs() {
    var session = limited()
    session.client(Client.query("select"))
    session.server(Server.rows(3), Self.cancelled, Server.ready())
    #expect(session.clientErrors == ["57014"])
    #expect(session.outcomes == "1 failed")
  }

  @Test func aServerThatGoesAwayMeanwhileLeavesItRefused() {
    var session = limited()
    session.client(Client.query("select"))
    session.server(Server.rows(4))
    session.send(.serverClosed)
    #expect(session.outcomes == "1 refused")
    #expect(session.clientErrors == ["08006"])
  }

  @Test func whatTheServerSaysByItselfPasses() {
    var session = limited(1)
    session.client(Client.query("select"))
    session.server(
      Server.rows(2), Server.notice("n"), Server.row, Server.status("TimeZone", "UTC"), Server.row,
      Self.cancelled, Server.ready())
    #expect(types(session.toClient) == "DNSEZ")
  }

  /// The grant's connection limits, the smaller number where the agent has one too.
  @Test(arguments: [(nil, 2, 2), (1, 2, 1), (2, 1, 1), (1, nil, 1)] as [(Int?, Int?, Int)])
  func theConnectionLimits(_ policy: Int?, _ connection: Int?, _ limit: Int) {
    var taken = StatementPolicy()
    taken.maximumRows = policy
    var granted = SessionHarness.grant().connection
    granted.maximumRows = connection
    taken.take(granted)
    #expect(taken.maximumRows == limit)
    #expect(!taken.allowsFunctionCalls)
  }

  /// Rows of many sizes, a value far over a chunk among them, cut at every place and to bytes.
  @Test func howBytesAreCutMakesNoDifference() {
    let long = message("D", ByteBuffer(repeating: 7, count: 300))
    let answers: [ByteBuffer] = [
      all([
        Server.rowDescription, Server.rows(2), long, long, Server.rows(2), Self.cancelled,
        Server.ready(),
      ]),
      all([Server.rowDescription, long, Server.rows(3), Server.complete("SELECT 4")]),
      all([Server.copyOut, Server.copyData("abc"), Server.rows(3), Server.copyDone]),
      all([Server.rows(2), Server.notice("x"), Server.rows(2), Self.cancelled, Server.ready()]),
    ]
    for answer in answers {
      var whole = limited()
      whole.client(Client.query("select"))
      whole.server(answer)
      for first in 0...answer.readableBytes {
        var cut = limited()
        cut.client(Client.query("select"))
        cut.server(answer.getSlice(at: 0, length: first) ?? ByteBuffer())
        cut.server(
          answer.getSlice(at: first, length: answer.readableBytes - first) ?? ByteBuffer())
        check(cut, whole)
      }
      var bytes = limited()
      bytes.client(Client.query("select"))
      for byte in answer.readableBytesView { bytes.server(ByteBuffer(bytes: [byte])) }
      check(bytes, whole)
    }
  }

  private func check(_ one: SessionHarness, _ other: SessionHarness) {
    #expect(one.toClient == other.toClient)
    #expect(one.refusals == other.refusals && one.refusals.first?.reason == .rowLimit)
    #expect(one.ends == other.ends)
    #expect(one.cancelled == [StatementID(1)] && one.cancelled == other.cancelled)
    #expect(one.closes.map(\.reason) == other.closes.map(\.reason))
    #expect(one.core.isReady == other.core.isReady)
  }
}
