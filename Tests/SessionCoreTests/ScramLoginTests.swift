import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// The keys of a SCRAM login are derived outside; the session waits for them.
@Suite struct ScramLoginTests {
  /// The printable form of the harness's nonce.
  private static let nonce = "BQUFBQUFBQUFBQUFBQUFBQUF"

  private func challenge(iterations: Int, nonce: String = Self.nonce) -> ByteBuffer {
    Server.authentication(
      .saslContinue(ByteBuffer(string: "r=\(nonce)server,s=c2FsdA==,i=\(iterations)")))
  }

  private func challenged(iterations: Int = 4_096) -> (SessionHarness, Effects) {
    var session = SessionHarness.authenticating()
    session.server(Server.authentication(.sasl(mechanisms: ["SCRAM-SHA-256"])))
    session.forget()
    let effects = session.send(.serverBytes(challenge(iterations: iterations)))
    return (session, effects)
  }

  @Test func theAnswerComesWithTheKeys() throws {
    var (session, effects) = challenged()
    let derivation = try #require(effects.deriveKeys)
    #expect(derivation.iterations == 4_096)
    #expect(derivation.salt == Array("salt".utf8))
    #expect(session.toServer.readableBytes == 0)
    let answered = session.send(.scramKeysDerived(derivation.keys()))
    #expect(answered.deriveKeys == nil)
    #expect(types(session.toServer) == "p")
    #expect(String(buffer: session.toServer).contains("c=biws,r=\(Self.nonce)server,p="))
    // Nobody asked for more.
    session.forget()
    #expect(session.send(.scramKeysDerived(derivation.keys())).isEmpty)
    #expect(session.core.isClosed == false)
  }

  @Test func keysOfAnEarlierLoginAreEnough() throws {
    let keys = try #require(challenged().1.deriveKeys).keys()
    var session = SessionHarness()
    session.client(Client.startup(), Client.password("token"))
    session.send(
      .loginVerdict(
        .granted(
          SessionHarness.grant(),
          ServerCredential(password: Secret(text: "pw"), cachedKeys: keys))))
    session.send(.serverConnected(SessionHarness.connected()))
    session.server(Server.authentication(.sasl(mechanisms: ["SCRAM-SHA-256"])))
    session.forget()
    let effects = session.send(.serverBytes(challenge(iterations: 4_096)))
    #expect(effects.deriveKeys == nil)
    #expect(types(session.toServer) == "p")
  }

  @Test func aServerThatSpeaksMeanwhileIsRefused() {
    for bytes in [Server.authenticationOk, challenge(iterations: 4_096)] {
      var (session, effects) = challenged()
      #expect(effects.deriveKeys != nil)
      session.server(bytes)
      #expect(session.clientErrors == ["08006"])
      #expect(session.refusals.map(\.reason) == [.serverAuthentication])
    }
  }

  @Test func keysForASessionThatEndedChangeNothing() throws {
    var (session, effects) = challenged()
    let keys = try #require(effects.deriveKeys).keys()
    session.send(.terminate(reason: .shutdown, detail: "test"))
    #expect(session.core.isClosed)
    #expect(session.send(.scramKeysDerived(keys)).isEmpty)
    var early = SessionHarness()
    #expect(early.send(.scramKeysDerived(keys)).isEmpty)
  }

  @Test func aChallengeThatIsNotTakenAsksForNoKeys() {
    #expect(challenged(iterations: 100_001).1.deriveKeys == nil)
    #expect(challenged(iterations: 0).0.refusals.map(\.reason) == [.serverAuthentication])
    var session = SessionHarness.authenticating()
    session.server(Server.authentication(.sasl(mechanisms: ["SCRAM-SHA-256"])))
    let effects = session.send(.serverBytes(challenge(iterations: 1, nonce: "other")))
    #expect(effects.deriveKeys == nil)
    #expect(session.core.isClosed)
  }
}
