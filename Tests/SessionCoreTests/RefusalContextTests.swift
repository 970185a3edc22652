import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// What is refused fails at the server, wherever it stands, and the session goes on after it.
@Suite struct RefusalContextTests {
  enum Refused: CaseIterable {
    case query, parse, bind, functionCall

    private static let long = String(repeating: "x", count: 200)

    /// The message, with what belongs to it.
    var messages: ByteBuffer {
      switch self {
      case .query: Client.query(Self.long)
      case .parse:
        all([Client.parse("", Self.long), Client.bind(), Client.execute(), Client.sync])
      case .bind:
        all([
          Client.parse("", "rows 1"), Client.bind("", "", [ByteBuffer(string: Self.long)]),
          Client.execute(), Client.sync,
        ])
      case .functionCall: Client.functionCall
      }
    }

    var isExtended: Bool { self == .parse || self == .bind }
    var sqlstate: String { self == .functionCall ? "0A000" : "54000" }
  }

  enum Place: CaseIterable {
    case idle, transaction, failedTransaction, pipeline

    /// What the client sends before.
    var messages: ByteBuffer {
      switch self {
      case .idle: ByteBuffer()
      case .transaction: Client.query("begin")
      case .failedTransaction: all([Client.query("begin"), Client.query("fail")])
      case .pipeline: all([Client.parse("", "tag A"), Client.bind(), Client.execute()])
      }
    }
  }

  /// A session with a server that follows PostgreSQL's rules.
  private struct Play {
    var session: SessionHarness
    var server = ModelServer()

    init() {
      var limits = SessionLimits()
      limits.maximumStatementBytes = 100
      session = SessionHarness.ready(limits: limits)
    }

    mutating func client(_ bytes: ByteBuffer) {
      session.client(bytes)
      while session.toServer.readableBytes > 0 {
        server.receive(session.toServer)
        session.toServer.clear()
        session.server(server.takeOutput(.max))
      }
    }
  }

  @Test(arguments: Refused.allCases, Place.allCases)
  func failsAtTheServerAndTheSessionGoesOn(_ refused: Refused, _ place: Place) throws {
    var play = Play()
    play.client(place.messages)
    play.session.toClient.clear()
    play.client(refused.messages)
    if place == .pipeline, !refused.isExtended { play.client(Client.sync) }
    let isFailed = place == .failedTransaction
    #expect(play.session.clientErrors == [isFailed ? "25P02" : refused.sqlstate])
    let status: TransactionStatus = place == .idle || place == .pipeline ? .idle : .failed
    #expect(try Self.lastStatus(play.session.toClient) == status)
    #expect(play.server.ran.allSatisfy { $0.text?.contains("xxx") != true })

    let before = play.session.ends.count
    play.client(all([Client.query("rollback"), Client.query("rows 3")]))
    #expect(play.session.ends.suffix(2).map(\.outcome) == [.completed, .completed])
    #expect(play.session.ends.last?.rows == 3)
    #expect(play.session.ends.count == before + 2)
    #expect(play.session.begins.count == play.session.ends.count)
    #expect(play.session.core.pipeline.refusals.isEmpty)
    #expect(play.session.core.pipeline.queue.count == 0)
    #expect(!String(buffer: play.session.toClient).contains("sallyport:"))
    // What the server refused by itself, before it came to the Bind, was refused here all the same.
    #expect(play.session.refusals.map(\.sqlstate) == [refused.sqlstate])
  }

  /// What came before in the pipeline is rolled back by the server; dropping the refused message
  /// would have let the Sync commit it.
  @Test(arguments: [Refused.parse, .bind]) func whatFollowsIsSkipped(_ refused: Refused) {
    var play = Play()
    play.client(
      all([
        Client.parse("", "tag FIRST"), Client.bind(), Client.execute(), refused.messages,
        Client.parse("", "tag NEXT"), Client.bind(), Client.execute(), Client.sync,
      ]))
    #expect(play.session.outcomes == "2 refused, 1 completed, 3 skipped, 4 completed")
    #expect(play.server.ran.map(\.text) == ["tag FIRST", "tag NEXT"])
    #expect(types(play.session.toClient).count { $0 == "Z" } == 2)
  }

  @Test func oneAfterTheOther() {
    var play = Play()
    for _ in 0..<20 {
      for refused in Refused.allCases { play.client(refused.messages) }
      play.client(Client.query("rows 1"))
    }
    #expect(play.session.ends.count { $0.outcome == .refused } == 80)
    #expect(play.session.ends.count { $0.outcome == .completed } == 20)
    #expect(play.session.core.pipeline.queue.count == 0)
    #expect(play.session.core.pipeline.refusals.isEmpty)
  }

  private static func lastStatus(_ bytes: ByteBuffer) throws -> TransactionStatus? {
    var stream = MessageStream()
    stream.append(bytes)
    var status: TransactionStatus?
    while let next = stream.next() {
      if next.type == "Z" { status = try BackendMessage.ReadyForQuery(decoding: next.body).status }
    }
    return status
  }
}
