import APIModel
import Foundation
import NIOCore
import PostgresWire
import TestSupport
import Testing

/// The real agent under peers that are none: it lives, in the memory it had.
@Suite(.serialized) struct HostilePeerTests {
  private static let fleet = SharedFleet()

  private static let megabyte = 1 << 20

  /// Headers that announce up to 4 GB, before and after the login, with 64 MB behind each.
  @Test func announcedGigabytesTakeNoMemory() async throws {
    let fleet = try await Self.fleet.get()
    let bob = try await fleet.token(
      "bob@example.com", groups: "developers", connections: ["shop-app"])
    _ = try await fleet.timedLogin(token: bob)
    let process = fleet.agent.identifier
    let context = try TestPKI.clientContext(trusting: fleet.control.authorityFile)
    let before = try fleet.agent.residentBytes()
    var peak = 0
    func offer(_ peer: WirePeer) async throws {
      for _ in 0..<64 {
        // A peer that was refused is closed, which is as good.
        guard (try? await peer.send(ByteBuffer(repeating: 0x78, count: Self.megabyte))) != nil
        else { break }
      }
      peak = max(peak, try fleet.agent.residentBytes())
      await peer.close()
    }
    for length in [0x3FFF_FFF0, 0x7FFF_FFFF, 0xFFFF_FFFF] as [UInt32] {
      let stranger = try await ScriptedClient(.loopback(port: fleet.agent.port))
      try await stranger.peer.send(ByteBuffer(integer: length))
      try await offer(stranger.peer)

      let secured = try await ScriptedClient(
        .loopback(port: fleet.agent.port), security: .negotiated(context))
      try await secured.peer.send(ByteBuffer(integer: length))
      try await offer(secured.peer)

      let asked = try await ScriptedClient(
        .loopback(port: fleet.agent.port), security: .negotiated(context))
      try await asked.peer.send { buffer in
        StartupMessage(parameters: [.init(name: "user", value: "app")]).encode(into: &buffer)
        buffer.writeInteger(UInt8(ascii: "p"))
        buffer.writeInteger(length)
      }
      try await offer(asked.peer)

      for type in ["Q", "P", "B", "d"] as [Unicode.Scalar] {
        let session = try await fleet.session(token: bob, connection: "shop-app", user: "app")
        try await session.peer.send { buffer in
          buffer.writeInteger(UInt8(ascii: type))
          buffer.writeInteger(length)
        }
        try await offer(session.peer)
      }
    }
    let growth = peak - before
    #expect(growth < 24 * Self.megabyte, "\(growth) bytes")
    #expect(try await fleet.timedLogin(token: bob).output == "1\n")
    #expect(fleet.agent.identifier == process)
    try await eventually("the refusals in the trail") {
      let refused = try await fleet.statements(["--outcome", "refused"])
      return refused.contains { $0.reason == "protocol_violation" && $0.principal == nil }
        && refused.contains {
          $0.reason == "protocol_violation" && $0.principal == "bob@example.com"
        }
        && refused.contains { $0.reason == "too_large" && $0.sqlstate == "54000" }
    }
  }

  /// Noise in the place of every phase, from many at once.
  @Test func noiseEndsNobodyElse() async throws {
    let fleet = try await Self.fleet.get()
    let bob = try await fleet.token(
      "bob@example.com", groups: "developers", connections: ["shop-app"])
    _ = try await fleet.timedLogin(token: bob)
    let (_, alone) = try await fleet.timedLogin(token: bob)
    let process = fleet.agent.identifier
    let witness = try await fleet.session(token: bob, connection: "shop-app", user: "app")
    let context = try TestPKI.clientContext(trusting: fleet.control.authorityFile)
    var random = SplitMix64(seed: 0x0150)
    var peers: [WirePeer] = []
    for index in 0..<200 {
      let noise = ByteBuffer(
        bytes: (0..<Int.random(in: 0...400, using: &random)).map { _ in
          UInt8.random(in: 0 ... .max, using: &random)
        })
      let peer: WirePeer
      switch index % 4 {
      case 0: peer = try await ScriptedClient(.loopback(port: fleet.agent.port)).peer
      case 1:
        peer = try await ScriptedClient(.loopback(port: fleet.agent.port)).peer
        try await peer.send(StartupPacket.writeSSLRequest)
        _ = try await peer.receive(count: 1)
      case 2:
        peer = try await ScriptedClient(
          .loopback(port: fleet.agent.port), security: .negotiated(context)
        ).peer
      default:
        peer = try await ScriptedClient(
          .loopback(port: fleet.agent.port), security: .negotiated(context)
        ).peer
        try await peer.send(
          StartupMessage(parameters: [.init(name: "user", value: "app")]).encode)
      }
      try? await peer.send(noise)
      if index % 3 == 0 { try? await peer.abort() }
      peers.append(peer)
    }
    // Some of them still stand there, silent.
    let (output, among) = try await fleet.timedLogin(token: bob)
    #expect(output == "1\n")
    #expect(among < max(.seconds(3), alone * 5), "\(alone) alone, \(among) among the noise")
    #expect(try await witness.query("select 'there'").rows == [["there"]])
    try await witness.terminate()
    for peer in peers { await peer.close() }
    #expect(fleet.agent.identifier == process)
    #expect(try await fleet.agent.health().status == "200")
  }
}
