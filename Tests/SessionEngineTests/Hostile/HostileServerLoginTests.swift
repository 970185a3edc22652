import AuditLog
import GatewayModel
import NIOCore
import PostgresWire
import SessionEngine
import TestSupport
import Testing

/// A server that does more, less or other than the protocol allows while the agent logs in.
///
/// The client is told that the database is away, the record says why, the agent serves others.
@Suite struct HostileServerLoginTests {
  private static func refuse(
    _ cases: [HostileServerCase], _ hostile: HostileRig
  ) async throws {
    for refused in cases {
      do {
        let (shown, record) = try await hostile.refusedLogin(refused.script)
        #expect(shown.sqlState == refused.sqlState, "\(refused.name): \(shown.message)")
        #expect(shown.severity == .fatal, "\(refused.name)")
        #expect(record.reason == refused.reason, "\(refused.name): \(record.detail)")
        #expect(record.detail.contains(refused.detail), "\(refused.name): \(record.detail)")
        #expect(!shown.message.contains("app-password"), "\(refused.name)")
        #expect(!record.detail.contains("app-password"), "\(refused.name)")
      } catch {
        throw TestFailure("\(refused.name): \(error)")
      }
    }
    try await hostile.expectServes(after: "a server that broke its word")
    try await hostile.expectNobodyLeft()
    await hostile.rig.end()
  }

  private static let authentication = "server_authentication"
  private static let broken = "server_protocol"

  @Test func whatItAsksFor() async throws {
    try await Self.refuse(
      [
        .init(
          "an unknown kind", reason: Self.authentication, detail: "authentication of kind 99",
          sends: Raw.message("R", Raw.bytes([0, 0, 0, 99]))),
        .init(
          "Kerberos", reason: Self.authentication, detail: "Kerberos V5",
          sends: Raw.written(BackendMessage.Authentication.kerberosV5.encode)),
        .init(
          "GSSAPI", reason: Self.authentication, detail: "GSSAPI",
          sends: Raw.written(BackendMessage.Authentication.gss.encode)),
        // Over loopback it is given, once.
        .init(
          "a cleartext password twice", reason: Self.authentication, detail: "when that is not due"
        ) {
          try await $0.send(.cleartextPassword)
          _ = try await $0.receiveFrontend(within: GatewayRig.patience)
          try await $0.send(.cleartextPassword)
        },
        .init(
          "md5 with half a salt", reason: Self.broken, detail: "a field reaches beyond its end",
          sends: Raw.message("R", Raw.bytes([0, 0, 0, 5, 1, 2]))),
        .init(
          "md5 twice", reason: Self.authentication, detail: "when that is not due"
        ) {
          try await $0.send(.md5Password(salt: [1, 2, 3, 4]))
          _ = try await $0.receiveFrontend(within: GatewayRig.patience)
          try await $0.send(.md5Password(salt: [1, 2, 3, 4]))
        },
        .init(
          "bytes behind AuthenticationOk", reason: Self.broken,
          detail: "bytes follow its last field",
          sends: Raw.message("R", Raw.bytes([0, 0, 0, 0, 0]))),
        .init(
          "no kind", reason: Self.broken, detail: "a field reaches beyond its end",
          sends: Raw.message("R", Raw.bytes([0, 0]))),
        .init(
          "ReadyForQuery at once", reason: Self.broken, detail: "a message of type 90",
          sends: Raw.message("Z", Raw.text("I"))),
        .init(
          "a cancel key at once", reason: Self.broken, detail: "a message of type 75",
          sends: Raw.message("K", Raw.bytes([0, 0, 0, 1, 1, 2, 3, 4]))),
        .init(
          "a row", reason: Self.broken, detail: "a message of type 68",
          sends: Raw.message("D", Raw.bytes([0, 0]))),
        .init(
          "an unknown type", reason: Self.broken, detail: "a message of type 63",
          sends: Raw.message("?", Raw.text("x"))),
        .init(
          "the client's own messages", reason: Self.broken, detail: "a message of type 81",
          sends: Raw.message("Q", Raw.text("select 1\0"))),
        .init(
          "another protocol", reason: Self.broken, detail: "a message of type 72 and length",
          sends: Raw.text("HTTP/1.1 400 Bad Request\r\n\r\n")),
      ]
        + ([0, 3, 0x4000_0000, 0x7FFF_FFFF, 0xFFFF_FFFF] as [UInt32]).map { length in
          .init(
            "length \(length)", reason: Self.broken, detail: "length \(length)",
            sends: Raw.message("R", length: length))
        }
        + [
          .init(
            "a login message of a megabyte", reason: Self.broken, detail: "during login",
            sends: Raw.message("R", length: 1 << 20))
        ], try await HostileRig())
  }

  @Test func whatItSaysInSASL() async throws {
    let own = "r=own,s=c2FsdA==,i=4096"
    try await Self.refuse(
      [
        .init(
          "no mechanism", reason: Self.authentication, detail: "offers no mechanism",
          sends: Raw.written(BackendMessage.Authentication.sasl(mechanisms: []).encode)),
        .init(
          "unknown mechanisms", reason: Self.authentication, detail: "\"PLAIN\"",
          sends: Raw.written(
            BackendMessage.Authentication.sasl(mechanisms: ["PLAIN", "X"]).encode)),
        .init(
          "channel binding without TLS", reason: Self.authentication,
          detail: "not SCRAM-SHA-256",
          sends: Raw.written(
            BackendMessage.Authentication.sasl(mechanisms: ["SCRAM-SHA-256-PLUS"]).encode)),
        .init(
          "a list without its end", reason: Self.broken, detail: "no terminating zero byte",
          sends: Raw.message("R", Raw.all(Raw.bytes([0, 0, 0, 10]), Raw.text("SCRAM-SHA-256\0")))),
        .init(
          "a challenge that nobody asked for", reason: Self.authentication,
          detail: "SASL",
          sends: Raw.written(BackendMessage.Authentication.saslContinue(Raw.text(own)).encode)),
        .init("garbage", reason: Self.authentication, detail: "is not SCRAM") {
          _ = try await $0.beginScram()
          try await $0.send(.saslContinue(Raw.bytes([0, 0xFF, 0x3D, 0x2C])))
        },
        .init("an empty challenge", reason: Self.authentication, detail: "is not SCRAM") {
          _ = try await $0.beginScram()
          try await $0.send(.saslContinue(ByteBuffer()))
        },
        .init("another's nonce", reason: Self.authentication, detail: "nonce") {
          _ = try await $0.beginScram()
          try await $0.send(.saslContinue(Raw.text(own)))
        },
        .init("our nonce alone", reason: Self.authentication, detail: "nonce") {
          let nonce = try await $0.beginScram()
          try await $0.send(.saslContinue(Raw.text("r=\(nonce),s=c2FsdA==,i=4096")))
        },
        .init("no salt", reason: Self.authentication, detail: "salt") {
          let nonce = try await $0.beginScram()
          try await $0.send(.saslContinue(Raw.text("r=\(nonce)x,s=,i=4096")))
        },
        .init(
          "two billion iterations", reason: Self.authentication,
          detail: "1 to 100000 are allowed"
        ) {
          let nonce = try await $0.beginScram()
          try await $0.send(.saslContinue(Raw.text("r=\(nonce)x,s=c2FsdA==,i=2147483647")))
        },
        .init(
          "more iterations than a number holds", reason: Self.authentication,
          detail: "are allowed"
        ) {
          let nonce = try await $0.beginScram()
          let digits = String(repeating: "9", count: 4_000)
          try await $0.send(.saslContinue(Raw.text("r=\(nonce)x,s=c2FsdA==,i=\(digits)")))
        },
        .init(
          "a mandatory extension", reason: Self.authentication, detail: "is not SCRAM"
        ) {
          let nonce = try await $0.beginScram()
          try await $0.send(.saslContinue(Raw.text("m=x,r=\(nonce)x,s=c2FsdA==,i=1")))
        },
        .init("the end before the proof", reason: Self.authentication, detail: "when none was due")
        {
          _ = try await $0.beginScram()
          try await $0.send(.saslFinal(Raw.text("v=AAAA")))
        },
        .init("Ok before the proof", reason: Self.authentication, detail: "without proving") {
          _ = try await $0.beginScram()
          try await $0.send(.ok)
        },
        .init(
          "Ok in place of its own proof", reason: Self.authentication, detail: "without proving"
        ) {
          try await $0.takeProof()
          try await $0.send(.ok)
        },
        .init("a wrong proof", reason: Self.authentication, detail: "did not show") {
          try await $0.takeProof()
          let zeros = String(repeating: "A", count: 43)
          try await $0.send(.saslFinal(Raw.text("v=\(zeros)=")))
        },
        .init(
          "a proof that is none", reason: Self.authentication, detail: "signature is not base64"
        ) {
          try await $0.takeProof()
          try await $0.send(.saslFinal(Raw.text("v=!")))
        },
        .init("an error in the last message", reason: Self.authentication, detail: "refuses") {
          try await $0.takeProof()
          try await $0.send(.saslFinal(Raw.text("e=other-error")))
        },
        .init("another challenge", reason: Self.authentication, detail: "when none was due") {
          try await $0.takeProof()
          try await $0.send(.saslContinue(Raw.text(own)))
        },
        .init("a cleartext password after all", reason: Self.authentication, detail: "not due") {
          _ = try await $0.beginScram()
          try await $0.send(.cleartextPassword)
        },
      ], try await HostileRig())
  }

  @Test func whatItSaysOnceTheAgentIsIn() async throws {
    func afterOk(
      _ name: String, sqlState: String = "08006", reason: String = Self.broken, detail: String,
      _ bytes: ByteBuffer
    ) -> HostileServerCase {
      .init(name, sqlState: sqlState, reason: reason, detail: detail) {
        try await $0.send(
          Raw.all(Raw.written(BackendMessage.Authentication.ok.encode), bytes))
      }
    }
    try await Self.refuse(
      [
        afterOk(
          "a status X", detail: "its status is 88", Raw.message("Z", Raw.text("X"))),
        afterOk("no status", detail: "a field reaches beyond its end", Raw.message("Z")),
        afterOk(
          "two statuses", detail: "bytes follow its last field", Raw.message("Z", Raw.text("II"))),
        afterOk(
          "Ok twice", detail: "a message of type 82",
          Raw.written(BackendMessage.Authentication.ok.encode)),
        afterOk(
          "a result", detail: "a message of type 84", Raw.message("T", Raw.bytes([0xFF, 0xFF]))),
        afterOk(
          "a setting without its end", detail: "no terminating zero byte",
          Raw.message("S", Raw.text("TimeZone\0UTC"))),
        afterOk(
          "a key of 3 bytes", detail: "its secret has 3 bytes",
          Raw.message("K", Raw.bytes([0, 0, 0, 1, 1, 2, 3]))),
        afterOk(
          "a key of 300 bytes", detail: "its secret has 300 bytes",
          Raw.message("K", ByteBuffer(repeating: 1, count: 304))),
        afterOk(
          "a late negotiation", detail: "a message of type 118",
          Raw.message("v", Raw.bytes([0, 3, 0, 0, 0, 0, 0, 0]))),
        afterOk(
          "an encoding that is pinned", sqlState: "57P01", reason: "protected_setting",
          detail: "client_encoding", Raw.message("S", Raw.text("client_encoding\0SJIS\0"))),
        .init(
          "a negotiation to the future", reason: Self.broken, detail: "NegotiateProtocolVersion",
          sends: Raw.message("v", Raw.bytes([0, 9, 0, 0, 0, 0, 0, 0]))),
        .init(
          "a negotiation with minus one options", reason: Self.broken, detail: "-1 options",
          sends: Raw.message("v", Raw.bytes([0, 3, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]))),
        .init(
          "an error without its end", reason: "server_unreachable", detail: "the server answered",
          sends: Raw.message("E", Raw.text("SFATAL\0C"))),
        .init(
          "an error with a code that is none", reason: "server_unreachable",
          detail: "the server answered",
          sends: Raw.message("E", Raw.text("SFATAL\0C4\u{1}\0Mno\0\0"))),
        .init(
          "an empty error", reason: "server_unreachable", detail: "the server answered",
          sends: Raw.message("E")),
      ], try await HostileRig())
  }

  @Test func whatItCutsShort() async throws {
    let gone = "the server closed the leg during login"
    try await Self.refuse(
      [
        .init("it closes at once", reason: "server_unreachable", detail: gone) { await $0.close() },
        .init("it resets", reason: "server_unreachable", detail: gone) { try await $0.abort() },
        .init("it closes in the middle of a message", reason: "server_unreachable", detail: gone) {
          try await $0.send(Raw.bytes([0x52, 0, 0]))
          await $0.close()
        },
        .init("it closes in the middle of SCRAM", reason: "server_unreachable", detail: gone) {
          try await $0.takeProof()
          await $0.close()
        },
        .init("it closes behind Ok", reason: "server_unreachable", detail: gone) {
          try await $0.letIn()
          await $0.close()
        },
      ], try await HostileRig())
  }

  /// The deadline leaves a busy machine the time for a login that is as it should be.
  @Test func whatItDoesNotSay() async throws {
    let hostile = try await HostileRig { $0.handshakeDeadline = .seconds(10) }
    try await Self.refuse(
      [
        .init(
          "it never answers", sqlState: "57014", reason: "handshake_timeout",
          detail: "no ready session after"
        ) { _ in },
        .init(
          "it stops in the middle of a message", sqlState: "57014", reason: "handshake_timeout",
          detail: "no ready session after"
        ) { try await $0.send(Raw.bytes([0x52, 0, 0])) },
        .init(
          "it never becomes ready", sqlState: "57014", reason: "handshake_timeout",
          detail: "no ready session after"
        ) { try await $0.letIn() },
      ], hostile)
  }

  /// Its answer to SSLRequest.
  @Test func whatItAnswersToTheRequestForTLS() async throws {
    let hostile = try await HostileRig(serverTLS: .require)
    let cases: [(name: String, answer: String, closes: Bool, reason: String, detail: String)] = [
      ("a byte that is none", "X", false, "server_tls", "the byte 88 to SSLRequest"),
      ("an error", "EFATAL", false, "server_tls", "an error instead of TLS"),
      ("no TLS", "N", false, "server_tls", "no TLS"),
      ("no TLS and more", "NR", false, "server_tls", "no TLS"),
      ("S and a record of TLS", "S\u{16}\u{3}\u{1}", false, "server_tls", "3 bytes behind"),
      ("S and the end", "S", true, "server_", ""),
      ("the end", "", true, "server_unreachable", "without an answer"),
    ]
    for wrong in cases {
      let before = try hostile.refusalCount()
      let serving = Task {
        let peer = try await hostile.server.accept(within: GatewayRig.patience)
        _ = try await peer.receiveStartupPacket(within: GatewayRig.patience)
        if !wrong.answer.isEmpty { try await peer.send(Raw.text(wrong.answer)) }
        if wrong.closes { await peer.close() }
        return peer
      }
      let client = try await hostile.secured()
      let welcome = try await client.logIn(
        user: "app", database: "orders", password: hostile.token)
      #expect(welcome.refusal?.sqlState == "08006", "\(wrong.name)")
      let record = try await hostile.refusals(beyond: before, wrong.name).last
      #expect(
        record?.reason.hasPrefix(wrong.reason) == true, "\(wrong.name): \(record?.reason ?? "")")
      #expect(
        record?.detail.contains(wrong.detail) == true || wrong.detail.isEmpty, "\(wrong.name)")
      _ = await serving.result
    }
    // TLS in name only.
    let serving = Task {
      let peer = try await hostile.server.accept(within: GatewayRig.patience)
      _ = try await peer.receiveStartupPacket(within: GatewayRig.patience)
      try await peer.send(Raw.text("S"))
      _ = try await peer.receive(count: 5, within: GatewayRig.patience)
      try await peer.send(Raw.text("R\0\0\0\u{8}\0\0\0\0"))
      return peer
    }
    let before = try hostile.refusalCount()
    let client = try await hostile.secured()
    let welcome = try await client.logIn(user: "app", database: "orders", password: hostile.token)
    #expect(welcome.refusal?.sqlState == "08006")
    #expect(try await hostile.refusals(beyond: before, "no TLS").last?.reason == "server_tls")
    _ = await serving.result
    try await hostile.expectServes(after: "answers to SSLRequest that are none")
    await hostile.rig.end()
  }
}
