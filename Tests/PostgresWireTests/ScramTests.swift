import Crypto
import NIOCore
import TestSupport
import Testing

@testable import PostgresWire

@Suite("SCRAM") struct ScramTests {
  private static let serverFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
  private static let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

  private func client(
    password: String = "pencil", binding: ScramChannelBinding = .unsupported,
    keys: ScramKeys? = nil, cap: Int = ScramClient.defaultIterationCap
  ) -> ScramClient {
    ScramClient(
      username: "user", password: password.utf8,
      printableNonce: Array("rOprNGfwEbeRWgbNEkqO".utf8), binding: binding, cachedKeys: keys,
      iterationCap: cap)
  }

  @Test("The exchange of RFC 7677 section 3")
  func vector() throws {
    var client = client()
    #expect(text(try client.firstMessage()) == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    let final = try client.finalMessage(answering: ByteBuffer(string: Self.serverFirst))
    #expect(
      text(final) == "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    #expect(!client.isVerified)
    try client.verify(serverFinal: ByteBuffer(string: Self.serverFinal))
    #expect(client.isVerified)
  }

  @Test("Keys of an earlier exchange give the same answer; for another salt they are not used")
  func cachedKeys() throws {
    var first = client()
    _ = try first.firstMessage()
    let answer = try first.finalMessage(answering: ByteBuffer(string: Self.serverFirst))
    let keys = try #require(first.keys)
    // A wrong password shows that the keys are what answers.
    var second = client(password: "wrong", keys: keys)
    _ = try second.firstMessage()
    #expect(try second.finalMessage(answering: ByteBuffer(string: Self.serverFirst)) == answer)
    var third = client(
      keys: ScramKeys(password: SensitiveBytes("x".utf8), salt: [1], iterations: 1))
    _ = try third.firstMessage()
    #expect(try third.finalMessage(answering: ByteBuffer(string: Self.serverFirst)) == answer)
    #expect("\(keys)".contains("redacted"))
  }

  @Test(
    "A server that does not know the password is refused, and stays refused",
    arguments: [
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=", "v=", "v=AAAA", "e=invalid-proof", "",
      "x=1",
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4",
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,",
    ])
  func wrongFinal(final: String) throws {
    var client = client()
    _ = try client.firstMessage()
    _ = try client.finalMessage(answering: ByteBuffer(string: Self.serverFirst))
    #expect(throws: ScramError.self) { try client.verify(serverFinal: ByteBuffer(string: final)) }
    #expect(!client.isVerified)
    #expect(throws: ScramError.self) {
      try client.verify(serverFinal: ByteBuffer(string: Self.serverFinal))
    }
    #expect(!client.isVerified)
  }

  @Test(
    "Challenges that break the rules are refused",
    arguments: [
      ("", ScramError.Code.malformed), ("r=", .wrongNonce),
      ("r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=1", .wrongNonce),
      ("r=rOprNGfwEbeRWgbNEkqX%hv,s=W22Z,i=4096", .wrongNonce),
      ("m=x,r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=1", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=,i=1", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22,i=1", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W2 Z,i=1", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,i=1,s=W22Z", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=0", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=-1", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=01", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=1x", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=100001", .iterationCount),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=99999999999999999999", .iterationCount),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=1,", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=1,=", .malformed),
      ("r=rOprNGfwEbeRWgbNEkqO1\u{0},s=W22Z,i=1", .malformed),
    ])
  func badChallenges(challenge: String, code: ScramError.Code) throws {
    var client = client()
    _ = try client.firstMessage()
    let error = #expect(throws: ScramError.self) {
      try client.finalMessage(answering: ByteBuffer(string: challenge))
    }
    #expect(error?.code == code)
    #expect(throws: ScramError.self) {
      try client.finalMessage(answering: ByteBuffer(string: Self.serverFirst))
    }
  }

  @Test("One iteration and unknown optional extensions are taken")
  func leastChallenge() throws {
    var client = client()
    _ = try client.firstMessage()
    let challenge = ByteBuffer(string: "r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=1,x=later")
    #expect(try client.finalMessage(answering: challenge).count > 40)
  }

  @Test("Messages out of order are refused")
  func order() throws {
    var early = client()
    #expect(throws: ScramError.self) {
      try early.finalMessage(answering: ByteBuffer(string: Self.serverFirst))
    }
    var unproven = client()
    _ = try unproven.firstMessage()
    #expect(throws: ScramError.self) {
      try unproven.verify(serverFinal: ByteBuffer(string: Self.serverFinal))
    }
    #expect(!unproven.isVerified)
    var twice = client()
    _ = try twice.firstMessage()
    #expect(throws: ScramError.self) { try twice.firstMessage() }
  }

  @Test("Mutated server messages never trap and never verify")
  func mutations() throws {
    var random = SplitMix64(seed: 0x5C)
    for _ in 0..<5_000 {
      var client = client(cap: 10)
      _ = try client.firstMessage()
      var challenge = ByteBuffer(string: Self.serverFirst.replacing("4096", with: "2"))
      if Bool.random(using: &random) { challenge.mutate(using: &random) }
      guard (try? client.finalMessage(answering: challenge)) != nil else { continue }
      var final = ByteBuffer(string: Self.serverFinal)
      final.mutate(using: &random)
      _ = try? client.verify(serverFinal: final)
      #expect(!client.isVerified)
    }
  }

  @Test("The mechanism is chosen from the whole list")
  func selection() throws {
    let both = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]
    let hash: [UInt8] = [1, 2, 3]
    let bound = try ScramMechanism.select(from: both.reversed(), mode: .prefer, endPoint: hash)
    #expect(bound.mechanism == .sha256Plus)
    #expect(bound.binding == .tlsServerEndPoint(hash))
    let cut = try ScramMechanism.select(
      from: ["X", "SCRAM-SHA-256"], mode: .prefer, endPoint: hash)
    #expect(cut.mechanism == .sha256)
    #expect(cut.binding == .notOffered)
    let disabled = try ScramMechanism.select(from: both, mode: .disable, endPoint: hash)
    #expect(disabled.binding == .unsupported)
    let plain = try ScramMechanism.select(from: both, mode: .prefer, endPoint: nil)
    #expect(plain.mechanism == .sha256 && plain.binding == .unsupported)
    for (list, mode, endPoint) in [
      (["SCRAM-SHA-256"], .require, hash), (both, .require, nil), ([], .prefer, hash),
      (["SCRAM-SHA-256-PLUS"], .prefer, nil), (["scram-sha-256"], .prefer, nil),
    ] as [([String], ScramMechanism.ChannelBindingMode, [UInt8]?)] {
      #expect(throws: ScramError.self) {
        try ScramMechanism.select(from: list, mode: mode, endPoint: endPoint)
      }
    }
  }

  @Test("The binding is what the server will compare")
  func bindingHeader() throws {
    var bound = client(binding: .tlsServerEndPoint([0xAA, 0xBB]))
    #expect(text(try bound.firstMessage()).hasPrefix("p=tls-server-end-point,,n="))
    let final = try bound.finalMessage(answering: ByteBuffer(string: Self.serverFirst))
    let expected = Base64.encode(Array("p=tls-server-end-point,,".utf8) + [0xAA, 0xBB])
    #expect(text(final).hasPrefix("c=\(text(expected)),r="))
    var cut = client(binding: .notOffered)
    #expect(text(try cut.firstMessage()).hasPrefix("y,,"))
  }

  @Test(
    "Base64 is strict",
    arguments: [
      ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"),
      ("Z", nil), ("Zg", nil), ("Zg=", nil), ("Zh==", nil), ("Zm9=", nil), ("====", nil),
      ("Zm9v\n", nil),
      ("Z===", nil), ("=Zm9", nil), ("Zm=9", nil), ("Zm9v====", nil), ("Zm-v", nil),
    ] as [(String, String?)])
  func base64(encoded: String, decoded: String?) {
    #expect(Base64.decode(Array(encoded.utf8)).map(text) == decoded)
    if let decoded { #expect(text(Base64.encode(Array(decoded.utf8))) == encoded) }
  }

  @Test(
    "Passwords are prepared as RFC 4013 says and libpq does",
    arguments: [
      ("pencil", "pencil"), ("", ""), ("I\u{AD}X", "IX"), ("\u{AA}", "a"), ("\u{2168}", "IX"),
      ("a\u{A0}b", "a b"), ("e\u{301}", "\u{E9}"), ("\u{FB01}", "fi"),
      // Prohibited or mixed: unchanged.
      ("\u{7}\u{2168}", "\u{7}\u{2168}"), ("\u{627}\u{31}\u{2168}", "\u{627}\u{31}\u{2168}"),
      ("\u{627}a\u{2168}\u{628}", "\u{627}a\u{2168}\u{628}"), ("\u{AD}", "\u{AD}"),
      // Newer than Unicode 3.2: unchanged.
      ("\u{1F600}\u{2168}", "\u{1F600}\u{2168}"),
    ])
  func preparation(password: String, prepared: String) {
    #expect(SASLPrep.prepare(Array(password.utf8)) == Array(prepared.utf8))
  }

  @Test("A password that is not UTF-8 is used as it is")
  func rawPassword() {
    #expect(SASLPrep.prepare([0xFF, 0x41]) == [0xFF, 0x41])
  }

  @Test("The md5 answer is libpq's")
  func md5() {
    // md5(md5("secret" + "alice") in hex + salt), computed with another program.
    #expect(
      text(MD5Password.answer(user: "alice", password: "secret".utf8, salt: [1, 2, 3, 4]))
        == "md598a0412b9c31436fc53776e863350083")
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
