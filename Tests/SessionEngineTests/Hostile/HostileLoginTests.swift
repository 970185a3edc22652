import AuditLog
import NIOCore
import PostgresWire
import TestSupport
import Testing

/// What a client can do wrong behind TLS, before it is let in.
@Suite struct HostileLoginTests {
  struct Case: Sendable {
    var name: String
    /// In place of the startup message, or of the password behind it.
    var bytes: ByteBuffer
    var sqlState = "08P01"
    var reason = "protocol_violation"
    var detail: String
  }

  static let startups: [Case] =
    [
      Case(
        name: "SSLRequest", bytes: Raw.sslRequest, sqlState: "0A000",
        detail: "an encryption request inside the session"),
      Case(
        name: "GSSENCRequest", bytes: Raw.gssRequest, sqlState: "0A000",
        detail: "an encryption request inside the session"),
      Case(
        name: "protocol 4.0", bytes: Raw.packet(0x0004_0000, [0]), sqlState: "0A000",
        reason: "unsupported_protocol", detail: "cannot serve protocol 4.0"),
      Case(
        name: "no user", bytes: Raw.startup([("database", "shop")]), sqlState: "28000",
        reason: "startup_parameter", detail: "no PostgreSQL user name"),
      Case(
        name: "no terminator", bytes: Raw.packet(0x0003_0000, Array("user\0app\0".utf8)),
        detail: "no terminating zero byte"),
      Case(
        name: "a query", bytes: Raw.message("Q", Raw.text("select 1\0")),
        detail: "cannot take the startup packet"),
      Case(
        name: "COPY data", bytes: Raw.message("d", Raw.text("1\n")),
        detail: "cannot take the startup packet"),
      Case(
        name: "10,001 bytes",
        bytes: Raw.startup([("user", String(repeating: "u", count: 9_990))]),
        detail: "it announces 10005 bytes"),
    ]
    + ([0, 3, 7, 0x7FFF_FFFF, 0xFFFF_FFFF] as [UInt32]).map { length in
      Case(
        name: "length \(length)", bytes: Raw.packet(0x0003_0000, length: length),
        detail: "\(length)")
    }

  static let passwords: [Case] =
    [
      Case(
        name: "a query", bytes: Raw.message("Q", Raw.text("select 1\0")),
        detail: "a message query where a password is due"),
      Case(
        name: "COPY data", bytes: Raw.message("d", Raw.text("1\n")),
        detail: "a message copyData where a password is due"),
      Case(
        name: "Sync", bytes: Raw.message("S"), detail: "a message sync where a password is due"),
      Case(
        name: "Terminate", bytes: Raw.message("X"),
        detail: "a message terminate where a password is due"),
      Case(
        name: "an unknown type", bytes: Raw.bytes([0xFF]), detail: "no message has the type 0xff"),
      Case(
        name: "a second startup message", bytes: Raw.startupOfApp,
        detail: "no message has the type 0x0"),
      Case(
        name: "a password without its end", bytes: Raw.message("p", Raw.text("secret")),
        detail: "no terminating zero byte"),
      Case(
        name: "bytes behind the password", bytes: Raw.message("p", Raw.text("a\0b\0")),
        detail: "bytes follow its last field"),
      Case(
        name: "an empty password message", bytes: Raw.message("p"),
        detail: "no terminating zero byte"),
      Case(
        name: "SASL's first message",
        bytes: Raw.written(
          FrontendMessage.SASLInitialResponse(
            mechanism: "SCRAM-SHA-256", data: Array("n,,n=,r=abc".utf8)
          ).encode), detail: "bytes follow its last field"),
      Case(
        name: "an empty password", bytes: Raw.message("p", Raw.bytes([0])), sqlState: "28000",
        reason: "token_malformed", detail: ""),
      Case(
        name: "a password that is no token", bytes: Raw.message("p", Raw.text("a.b.c\0")),
        sqlState: "28000", reason: "token_malformed", detail: ""),
      Case(
        name: "a password that is not UTF-8",
        bytes: Raw.message("p", Raw.bytes([0xFF, 0xC0, 0x80, 0])), sqlState: "28000",
        reason: "token_malformed", detail: ""),
    ]
    + ([0, 3] as [UInt32]).map { length in
      Case(
        name: "length \(length)", bytes: Raw.message("p", length: length),
        detail: "its length is \(length)")
    }
    + ([65_540, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] as [UInt32]).map { length in
      Case(
        name: "length \(length)", bytes: Raw.message("p", length: length),
        detail: "its body has \(length - 4) bytes")
    }

  private func expect(
    _ refused: Case, _ hostile: HostileRig, _ client: ScriptedClient, beyond before: Int
  ) async throws {
    try await client.peer.send(refused.bytes)
    let error = try await client.peer.receiveError()
    #expect(error.sqlState == refused.sqlState, "\(refused.name): \(error.message)")
    #expect(error.severity == .fatal, "\(refused.name)")
    #expect(try await client.peer.remainder().readableBytes == 0, "\(refused.name)")
    let refusals = try await hostile.refusals(beyond: before, refused.name)
    #expect(refusals.count == before + 1, "\(refused.name)")
    #expect(refusals.last?.reason == refused.reason, "\(refused.name)")
    #expect(
      refused.detail.isEmpty || refusals.last?.detail.contains(refused.detail) == true,
      "\(refused.name): \(refusals.last?.detail ?? "")")
  }

  @Test func whatIsNoStartupMessageIsAnsweredAndRecorded() async throws {
    let hostile = try await HostileRig()
    for (index, refused) in Self.startups.enumerated() {
      try await expect(refused, hostile, try await hostile.secured(), beyond: index)
    }
    try await hostile.expectServes(after: "startup messages that were none")
    try await hostile.expectNobodyLeft()
    await hostile.rig.end()
  }

  @Test func whatIsNoPasswordIsAnsweredAndRecorded() async throws {
    let hostile = try await HostileRig()
    for (index, refused) in Self.passwords.enumerated() {
      let client = try await hostile.secured()
      try await client.peer.send(Raw.startupOfApp)
      let request = try await client.peer.receive(BackendMessageType.self)
      #expect(try BackendMessage.Authentication(decoding: request.body) == .cleartextPassword)
      try await expect(refused, hostile, client, beyond: index)
    }
    #expect(try hostile.rig.records().opens.isEmpty)
    try await hostile.expectServes(after: "passwords that were none")
    try await hostile.expectNobodyLeft()
    await hostile.rig.end()
  }

  /// libpq does not, but a client may send on without waiting: all of it counts, in its order.
  @Test func whatComesBeforeItIsDueWaits() async throws {
    let hostile = try await HostileRig()
    let client = try await hostile.secured()
    try await client.peer.send(
      Raw.all(
        Raw.startupOfApp,
        Raw.written(FrontendMessage.PasswordMessage(password: hostile.token.utf8).encode),
        Raw.message("Q", Raw.text("SELECT 'early'\0"))))
    while try await client.peer.receive(BackendMessageType.self).type != .readyForQuery {}
    #expect(try await client.reply().rows == [["early"]])
    try await client.terminate()
    await hostile.rig.end()
  }

  /// A client that is gone in the middle of its login leaves nothing behind.
  @Test(arguments: [true, false])
  func halfOpenLoginsEnd(_ withReset: Bool) async throws {
    let hostile = try await HostileRig()
    let startup = Raw.startupOfApp
    let password = Raw.written(
      FrontendMessage.PasswordMessage(password: hostile.token.utf8).encode)
    for bytes in [
      ByteBuffer(), startup.getSlice(at: 0, length: 7) ?? startup, startup,
      Raw.all(startup, Raw.message("p", length: 400)), Raw.all(startup, password),
    ] {
      let client = try await hostile.secured()
      try await client.peer.send(bytes)
      if withReset { try await client.peer.abort() } else { await client.peer.close() }
    }
    try await hostile.expectNobodyLeft()
    // Who left said nothing wrong.
    #expect(try hostile.rig.records().refusals.allSatisfy { $0.reason != "protocol_violation" })
    try await hostile.expectServes(after: "logins that were left")
    await hostile.rig.end()
  }
}
