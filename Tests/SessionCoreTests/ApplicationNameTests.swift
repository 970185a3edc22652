import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// The client sees the name it gave, or gives later; never the stamp of the server leg.
@Suite struct ApplicationNameTests {
  private static let stamp = "sallyport:000000000abc:alice@example.com"

  private func ready(as name: String) -> SessionHarness {
    var session = SessionHarness()
    session.logIn(Client.startup([("application_name", name)]))
    session.forget()
    return session
  }

  private func shown(_ session: SessionHarness) throws -> [String] {
    var stream = MessageStream()
    stream.append(session.toClient)
    var values: [String] = []
    while let next = stream.next() {
      guard next.type == "S" else { continue }
      values.append(try BackendMessage.ParameterStatus(decoding: next.body).value)
    }
    return values
  }

  @Test func aNameSetLaterPasses() throws {
    var session = ready(as: "first")
    session.client(Client.query("set application_name = 'second'"))
    session.server(
      Server.complete("SET"), Server.status("application_name", "second"), Server.ready())
    #expect(try shown(session) == ["second"])
    #expect(types(session.toClient) == "CSZ")
  }

  /// As after RESET, DISCARD ALL, or the rollback of a SET.
  @Test func theStampIsShownAsTheClientsOwnName() throws {
    for size in [1, 7, 10_000] {
      var session = ready(as: "first")
      session.client(Client.query("reset application_name"))
      let answer = all([
        Server.complete("RESET"), Server.status("application_name", Self.stamp), Server.ready(),
      ])
      var rest = answer
      while let piece = rest.readSlice(length: min(size, rest.readableBytes)),
        piece.readableBytes > 0
      {
        session.server(piece)
      }
      #expect(try shown(session) == ["first"])
      #expect(types(session.toClient) == "CSZ")
      #expect(!String(buffer: session.toClient).contains("sallyport:"))
    }
  }

  @Test func otherSettingsOfThatValuePass() throws {
    var session = ready(as: "first")
    session.server(Server.status("search_path", Self.stamp))
    #expect(try shown(session) == [Self.stamp])
  }
}
