import Crypto
import NIOCore
import TestSupport
import Testing

@testable import PostgresWire

/// SCRAM in both directions: a server that knows the password is believed, and no other.
@Suite("Fuzz: SCRAM") struct ScramFuzzTests {
  private static let password = "pencil"

  /// The server's side of one exchange (RFC 5802 section 3), for as many rounds as it says.
  private struct Server {
    let salt: [UInt8]
    let iterations: Int
    let nonce: String

    init(_ random: inout SplitMix64) {
      salt = (0...random.size() % 40).map { _ in random.integer() }
      iterations = Int.random(in: 1...3, using: &random)
      let printable = (0x21...0x7E).filter { $0 != 0x2C }.map { UInt8($0) }
      let own = (0...random.size() % 40).map { _ in printable.randomElement(using: &random) ?? 0x41
      }
      nonce = String(decoding: own, as: UTF8.self)
    }

    func first(answering client: String) -> String {
      let theirs = client.split(separator: ",").last?.dropFirst(2) ?? ""
      let salt = String(decoding: Base64.encode(salt), as: UTF8.self)
      return "r=\(theirs)\(nonce),s=\(salt),i=\(iterations)"
    }

    /// What proves that it knows the password, if the client did so first.
    func final(first: String, answer: String, clientFirst: String) throws -> String {
      let keys = ScramKeys(
        password: SensitiveBytes(SASLPrep.prepare(Array(ScramFuzzTests.password.utf8))), salt: salt,
        iterations: iterations)
      let bare = clientFirst.split(separator: ",", omittingEmptySubsequences: false).dropFirst(2)
        .joined(separator: ",")
      guard let cut = answer.range(of: ",p=") else {
        throw FuzzFailure(description: "no proof in \(answer)")
      }
      let signed = Array("\(bare),\(first),\(answer[..<cut.lowerBound])".utf8)
      let stored = SymmetricKey(data: SHA256.hash(data: keys.clientKey.bytes))
      let proof = zip(keys.clientKey.bytes, hmacSHA256(signed, key: stored)).map { $0 ^ $1 }
      let shown = Base64.decode(Array(answer[cut.upperBound...].utf8))
      try FuzzFailure.unless(shown == proof, "the client's proof is wrong in \(answer)")
      let signature = hmacSHA256(signed, key: SymmetricKey(data: keys.serverKey.bytes))
      return "v=" + String(decoding: Base64.encode(signature), as: UTF8.self)
    }
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private func client(_ random: inout SplitMix64) -> ScramClient {
    let bindings: [ScramChannelBinding] = [
      .unsupported, .notOffered, .tlsServerEndPoint((0..<32).map { _ in random.integer() }),
    ]
    return ScramClient(
      username: random.text(), password: Self.password.utf8,
      randomNonce: (0..<18).map { _ in random.integer() },
      binding: bindings.randomElement(using: &random) ?? .unsupported, iterationCap: 10)
  }

  @Test("Every exchange with a server that knows the password ends well")
  func exchanges() throws {
    try FuzzRun.each("SCRAM exchanges") { random in
      var client = client(&random)
      let server = Server(&random)
      let clientFirst = text(try client.firstMessage())
      let first = server.first(answering: clientFirst)
      let answer = text(try client.finalMessage(answering: ByteBuffer(string: first)))
      let final = try server.final(first: first, answer: answer, clientFirst: clientFirst)
      try client.verify(serverFinal: ByteBuffer(string: final))
      try FuzzFailure.unless(client.isVerified, "not verified by \(final)")
    }
  }

  @Test("A changed byte anywhere is never believed")
  func mutations() throws {
    var refused = 0
    try FuzzRun.each("SCRAM mutations") { random in
      var client = client(&random)
      let server = Server(&random)
      let clientFirst = text(try client.firstMessage())
      let first = server.first(answering: clientFirst)
      var challenge = ByteBuffer(string: first)
      let changesFirst = random.chance(2)
      if changesFirst { challenge.mutate(using: &random) }
      guard let proof = try? client.finalMessage(answering: challenge) else {
        refused += 1
        return
      }
      // What an honest server would say to the challenge that it really sent.
      let honest =
        (try? server.final(first: first, answer: text(proof), clientFirst: clientFirst)) ?? "v="
      var final = ByteBuffer(string: honest)
      if !changesFirst { final.mutate(using: &random) }
      _ = try? client.verify(serverFinal: final)
      let isUnchanged =
        challenge == ByteBuffer(string: first)
        && Self.signature(final) == Self.signature(ByteBuffer(string: honest))
      try FuzzFailure.unless(
        client.isVerified == false || isUnchanged,
        "believed: \(String(buffer: challenge)) and \(String(buffer: final))")
      refused += client.isVerified ? 0 : 1
    }
    #expect(refused > FuzzRun.cases / 4)
  }

  /// The signature alone: what may follow it are extensions, which say nothing.
  private static func signature(_ final: ByteBuffer) -> Substring {
    let text = String(buffer: final)
    return text.prefix { $0 != "," }
  }

  @Test("Any bytes as the server's messages")
  func anything() throws {
    try FuzzRun.each("any bytes as SCRAM") { random in
      var client = client(&random)
      _ = try client.firstMessage()
      _ = try? client.derivation(for: random.bytes())
      _ = try? client.finalMessage(answering: random.bytes())
      _ = try? client.verify(serverFinal: random.bytes())
      try FuzzFailure.unless(!client.isVerified, "random bytes are believed")
      let mechanisms = (0..<random.size() % 6).map { _ in random.text() }
      _ = try? ScramMechanism.select(from: mechanisms, mode: .prefer, endPoint: nil)
      _ = Base64.decode(Array(random.bytes().readableBytesView))
      _ = SASLPrep.prepare(Array(random.bytes().readableBytesView))
    }
  }
}
