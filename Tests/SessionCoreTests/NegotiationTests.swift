import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

@Suite struct NegotiationTests {
  private let sslRequest = write { StartupPacket.writeSSLRequest(into: &$0) }
  private let gssRequest = write { StartupPacket.writeGSSEncryptionRequest(into: &$0) }

  private func negotiation(plaintext: Bool = false, tls: Bool = true) -> ClientNegotiation {
    ClientNegotiation(options: .init(allowsPlaintext: plaintext, offersTLS: tls))
  }

  @Test func sslRequestIsAnsweredByOneByte() {
    var machine = negotiation()
    #expect(
      machine.receive(sslRequest) == .startTLS(reply: ByteBuffer(string: "S"), firstBytes: nil))
  }

  @Test func byteByByte() {
    var machine = negotiation()
    for byte in sslRequest.readableBytesView.dropLast() {
      #expect(machine.receive(ByteBuffer(bytes: [byte])) == .wait)
    }
    #expect(
      machine.receive(ByteBuffer(bytes: sslRequest.readableBytesView.suffix(1)))
        == .startTLS(reply: ByteBuffer(string: "S"), firstBytes: nil))
  }

  @Test func bytesStuffedBehindARequestAreAViolation() {
    for request in [sslRequest, gssRequest] {
      var machine = negotiation(plaintext: true)
      guard case .violation(let refusal) = machine.receive(all([request, Client.startup()])) else {
        Issue.record("stuffed bytes were taken")
        continue
      }
      #expect(refusal.reason == .protocolViolation)
    }
  }

  @Test func gssThenTLS() {
    var machine = negotiation()
    #expect(machine.receive(gssRequest) == .reply(ByteBuffer(string: "N")))
    #expect(
      machine.receive(sslRequest) == .startTLS(reply: ByteBuffer(string: "S"), firstBytes: nil))
  }

  @Test func requestsAreAnsweredOnce() {
    var machine = negotiation(tls: false)
    #expect(machine.receive(sslRequest) == .reply(ByteBuffer(string: "N")))
    guard case .violation = machine.receive(sslRequest) else {
      Issue.record("a second SSLRequest was answered")
      return
    }
  }

  @Test func directTLS() {
    var machine = negotiation()
    let hello = ByteBuffer(bytes: [0x16, 3, 1, 0, 5])
    #expect(machine.receive(hello) == .startTLS(reply: nil, firstBytes: hello))
  }

  @Test func plaintextIsRefusedOrPasses() throws {
    var closed = negotiation()
    guard case .refuse(let refusal, let bytes) = closed.receive(Client.startup()) else {
      Issue.record("plaintext was not refused")
      return
    }
    #expect(refusal.reason == .plaintextClient)
    #expect(refusal.connection == "orders")
    let text = String(buffer: bytes)
    #expect(text.contains("28000"))
    #expect(text.contains("TLS"))
    var open = negotiation(plaintext: true)
    #expect(open.receive(Client.startup()) == .startSession(Client.startup()))
  }

  @Test func cancel() {
    var machine = negotiation()
    let key = CancelKey(processID: 5, secret: [1, 2, 3, 4])
    let bytes = write { StartupPacket.writeCancelRequest(key, into: &$0) }
    #expect(machine.receive(bytes) == .cancel(key))
  }

  @Test(
    arguments: [[0, 0, 0, 3], [0xFF, 0xFF, 0xFF, 0xFF], [0x47, 0x45, 0x54, 0x20]] as [[UInt8]])
  func junkIsAViolation(_ bytes: [UInt8]) {
    var machine = negotiation()
    guard case .violation = machine.receive(ByteBuffer(bytes: bytes)) else {
      Issue.record("junk was taken")
      return
    }
  }

  @Test func serverAnswers() {
    for (answer, accepted) in [
      ("S", true), ("N", false), ("E", false), ("SX", false), ("?", false),
    ] {
      var machine = ServerNegotiation(mode: .verifyFull)
      #expect(machine.request == sslRequest)
      let step = machine.receive(ByteBuffer(string: answer))
      if accepted {
        #expect(step == .startTLS)
      } else if case .fail(let failure) = step {
        #expect(failure.reason == .serverTLS)
      } else {
        Issue.record("\(answer) was taken: \(step)")
      }
    }
    #expect(ServerNegotiation(mode: .disable).request == nil)
  }
}
