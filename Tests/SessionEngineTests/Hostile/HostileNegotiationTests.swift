import AuditLog
import NIOCore
import PostgresWire
import TestSupport
import Testing

/// What a client can do wrong before TLS and before its login.
@Suite struct HostileNegotiationTests {
  /// Bytes that are sent at once to a connection that has sent nothing.
  struct Opening: Sendable {
    var name: String
    var bytes: ByteBuffer
    /// What the record says.
    var detail: String
  }

  static let openings: [Opening] =
    [
      Opening(
        name: "a TLS record behind SSLRequest",
        bytes: Raw.all(Raw.sslRequest, Raw.bytes([0x16, 3, 1, 0, 5])),
        detail: "bytes behind SSLRequest"),
      Opening(
        name: "a byte behind SSLRequest", bytes: Raw.all(Raw.sslRequest, Raw.bytes([0])),
        detail: "bytes behind SSLRequest"),
      Opening(
        name: "two SSLRequests at once", bytes: Raw.all(Raw.sslRequest, Raw.sslRequest),
        detail: "bytes behind SSLRequest"),
      Opening(
        name: "SSLRequest behind GSSENCRequest", bytes: Raw.all(Raw.gssRequest, Raw.sslRequest),
        detail: "bytes behind GSSENCRequest"),
      Opening(
        name: "a startup message behind GSSENCRequest",
        bytes: Raw.all(Raw.gssRequest, Raw.startupOfApp), detail: "bytes behind GSSENCRequest"),
      Opening(
        name: "SSLRequest with a body", bytes: Raw.packet(StartupPacket.Code.sslRequest, [0]),
        detail: "bytes follow its last field"),
      Opening(
        name: "a startup message without its terminator",
        bytes: Raw.packet(0x0003_0000, Array("user\0app\0".utf8)),
        detail: "no terminating zero byte"),
      Opening(
        name: "a startup message without a value's end",
        bytes: Raw.packet(0x0003_0000, Array("user\0app".utf8)),
        detail: "no terminating zero byte"),
      Opening(
        name: "bytes behind the startup message's terminator",
        bytes: Raw.packet(0x0003_0000, Array("user\0app\0\0x".utf8)),
        detail: "bytes follow its last field"),
      Opening(
        name: "another protocol", bytes: Raw.text("GET / HTTP/1.1\r\nHost: db\r\n\r\n"),
        detail: "cannot take the startup packet"),
      Opening(
        name: "a query before everything", bytes: Raw.message("Q", Raw.text("select 1\0")),
        detail: "cannot take the startup packet"),
      Opening(
        name: "COPY data before everything", bytes: Raw.message("d", Raw.text("1\n")),
        detail: "cannot take the startup packet"),
      Opening(
        name: "protocol 2.0", bytes: Raw.packet(0x0002_0000, [0]), detail: "cannot serve protocol"),
      Opening(
        name: "an unknown request", bytes: Raw.packet(0x04D2_1631), detail: "cannot serve protocol"),
    ]
    + ([0, 3, 4, 7] as [UInt32]).map { length in
      Opening(
        name: "a packet of length \(length)", bytes: Raw.packet(0x0003_0000, length: length),
        detail: "its length is \(length)")
    }
    + ([10_005, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] as [UInt32]).map { length in
      Opening(
        name: "a packet of length \(length)", bytes: Raw.packet(0x0003_0000, length: length),
        detail: "it announces \(length) bytes")
    }
    + [0, 1, 3, 257, 4_000].map { count in
      Opening(
        name: "a cancel request with a secret of \(count) bytes",
        bytes: Raw.packet(
          StartupPacket.Code.cancelRequest, [0, 0, 0, 1] + [UInt8](repeating: 7, count: count)),
        detail: "its secret has \(count) bytes")
    }
    + [
      Opening(
        name: "a cancel request without a process",
        bytes: Raw.packet(StartupPacket.Code.cancelRequest, [0, 1]),
        detail: "a field reaches beyond its end")
    ]

  @Test func openingsThatAreNoneAreClosedUnansweredAndRecorded() async throws {
    let hostile = try await HostileRig()
    for opening in Self.openings {
      let before = try hostile.refusalCount()
      let peer = try await hostile.stranger()
      try await peer.send(opening.bytes)
      let answer = try await peer.remainder()
      #expect(answer.readableBytes == 0, "\(opening.name): \(answer)")
      let refusals = try await hostile.refusals(beyond: before, opening.name)
      #expect(refusals.count == before + 1, "\(opening.name)")
      #expect(refusals.last?.reason == "protocol_violation", "\(opening.name)")
      #expect(
        refusals.last?.detail.contains(opening.detail) == true,
        "\(opening.name): \(refusals.last?.detail ?? "")")
      try await hostile.expectServes(after: opening.name)
    }
    try await hostile.expectNobodyLeft()
    await hostile.rig.end()
  }

  /// A second request where the first was answered.
  @Test func requestsAreAnsweredOnce() async throws {
    let hostile = try await HostileRig()
    let twice = try await hostile.stranger()
    try await twice.send(Raw.gssRequest)
    #expect(try await twice.receive(count: 1) == Raw.text("N"))
    try await twice.send(Raw.gssRequest)
    #expect(try await twice.remainder().readableBytes == 0)
    let first = try await hostile.refusals(beyond: 0, "two GSSENCRequests")
    #expect(first.last?.detail == "a second GSSENCRequest")

    // Behind the `S` only TLS may follow.
    for (index, more) in [Raw.sslRequest, Raw.startupOfApp, Raw.text("garbage")].enumerated() {
      let peer = try await hostile.stranger()
      try await peer.send(Raw.sslRequest)
      #expect(try await peer.receive(count: 1) == Raw.text("S"))
      try await peer.send(more)
      // An alert of TLS at most.
      #expect(try await peer.remainder().readableBytes < 16)
      let refusals = try await hostile.refusals(beyond: index + 1, "no TLS behind S")
      #expect(refusals.last?.reason == "protocol_violation")
      #expect(
        refusals.last?.detail.hasPrefix("the TLS handshake failed: ") == true,
        "\(refusals.last?.detail ?? "")")
      #expect(refusals.last?.detail.contains("/") == false, "a path of the build is in the record")
    }
    let direct = try await hostile.stranger()
    try await direct.send(Raw.bytes([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]))
    #expect(try await direct.remainder().readableBytes < 16)
    let refusals = try await hostile.refusals(beyond: 4, "a broken ClientHello")
    #expect(refusals.last?.detail.hasPrefix("the TLS handshake failed: ") == true)
    try await hostile.expectServes(after: "broken handshakes")
    await hostile.rig.end()
  }

  /// Who looks whether the port is open leaves no record.
  @Test func whoLeavesSilentlyIsNoViolation() async throws {
    let hostile = try await HostileRig()
    for step in 0..<4 {
      let peer = try await hostile.stranger()
      if step > 0 { try await peer.send(Raw.bytes([0, 0])) }
      if step > 1 {
        try await peer.send(Raw.bytes([0, 8, 4, 0xD2, 0x16, 0x2F]))
        #expect(try await peer.receive(count: 1) == Raw.text("S"))
      }
      if step == 3 { try await peer.abort() } else { await peer.close() }
    }
    try await hostile.expectNobodyLeft()
    #expect(try hostile.refusalCount() == 0)
    try await hostile.expectServes(after: "ports that were looked at")
    await hostile.rig.end()
  }

  @Test func aLoginByteByByteIsALogin() async throws {
    let hostile = try await HostileRig()
    let peer = try await hostile.stranger()
    try await peer.send(Raw.sslRequest, inPiecesOf: 1)
    #expect(try await peer.receive(count: 1) == Raw.text("S"))
    try await peer.secure(asClientWith: hostile.context)
    try await peer.send(Raw.startupOfApp, inPiecesOf: 1)
    let request = try await peer.receive(BackendMessageType.self)
    #expect(try BackendMessage.Authentication(decoding: request.body) == .cleartextPassword)
    let password = Raw.written(
      FrontendMessage.PasswordMessage(password: hostile.token.utf8).encode)
    try await peer.send(password, inPiecesOf: 1)
    while try await peer.receive(BackendMessageType.self).type != .readyForQuery {}
    try await peer.send(Raw.message("Q", Raw.text("SELECT 'slow'\0")), inPiecesOf: 1)
    var reply = Reply()
    while !reply.isComplete { try reply.append(try await peer.receive(BackendMessageType.self)) }
    #expect(reply.rows == [["slow"]])
    await peer.close()
    #expect(try hostile.refusalCount() == 0)
    await hostile.rig.end()
  }

  /// Many who say nothing, or stop somewhere, take nothing from who says what he wants.
  @Test func twoHundredSilentClientsDelayNoLogin() async throws {
    let hostile = try await HostileRig()
    let clock = ContinuousClock()
    try await hostile.expectServes(after: "nothing")
    let alone = try await clock.measure { try await hostile.expectServes(after: "nothing") }
    var silent: [WirePeer] = []
    for index in 0..<200 {
      let peer = try await hostile.stranger()
      switch index % 5 {
      case 1: try await peer.send(Raw.bytes([0, 0, 0]))
      case 2: try await peer.send(Raw.sslRequest)
      case 3: try await peer.send(Raw.packet(0x0003_0000, Array("user\0".utf8), length: 9_000))
      case 4: try await peer.send(Raw.bytes([0x16, 3, 1, 2, 0]))
      default: break
      }
      silent.append(peer)
    }
    try await eventually("all are there", within: GatewayRig.patience) {
      hostile.rig.gateway.statistics.openConnections >= 200
    }
    let among = try await clock.measure { try await hostile.expectServes(after: "silence") }
    #expect(among < max(.seconds(5), alone * 10), "\(alone) alone, \(among) among silent clients")
    #expect(try hostile.refusalCount() == 0)
    for peer in silent { await peer.close() }
    try await hostile.expectNobodyLeft()
    await hostile.rig.end()
  }
}
