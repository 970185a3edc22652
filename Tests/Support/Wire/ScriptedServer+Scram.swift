import Crypto
import Foundation
import NIOCore
import PostgresWire

/// What a client showed in a SCRAM exchange with a scripted server (RFC 5802 section 7).
package struct ScramShown: Sendable {
  package var mechanism: String
  /// In front of the client's first message: `n,,`, `y,,` or `p=tls-server-end-point,,`.
  package var header: String
  /// What the `c=` attribute carries behind the header: the hash of the server's certificate.
  package var binding: [UInt8]
  /// Whether the client knows the password.
  package var isProven: Bool
}

/// The server's side of SCRAM-SHA-256, written down from RFC 5802 apart from the client's.
struct ScramVerifier {
  private let password: String
  private let salt = Array("sodium chloride".utf8)
  private let iterations = 4_096

  init(password: String) { self.password = password }

  func challenge(nonce: String) -> String {
    "r=\(nonce)server,s=\(Data(salt).base64EncodedString()),i=\(iterations)"
  }

  /// Checks the client's proof over `message`; the signature proves the server in turn.
  func verify(_ proof: [UInt8], over message: String) -> (isProven: Bool, signature: String) {
    let salted = SymmetricKey(data: saltedPassword)
    let clientKey = code("Client Key", salted)
    let stored = SymmetricKey(data: SHA256.hash(data: clientKey))
    let expected = zip(clientKey, code(message, stored)).map { $0 ^ $1 }
    let signature = code(message, SymmetricKey(data: code("Server Key", salted)))
    return (proof == expected, Data(signature).base64EncodedString())
  }

  private var saltedPassword: [UInt8] {
    let key = SymmetricKey(data: Array(password.utf8))
    var round = Array(HMAC<SHA256>.authenticationCode(for: salt + [0, 0, 0, 1], using: key))
    var sum = round
    for _ in 1..<iterations {
      round = Array(HMAC<SHA256>.authenticationCode(for: round, using: key))
      for index in sum.indices { sum[index] ^= round[index] }
    }
    return sum
  }

  private func code(_ message: String, _ key: SymmetricKey) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(message.utf8), using: key))
  }
}

extension WirePeer {
  /// Asks the client for SCRAM with these mechanisms, and lets it in when it proves the password
  /// and was bound as `binding` says; what it is told otherwise is the server's own `e=`.
  ///
  /// - Parameter binding: The hash that a bound exchange has to carry; `nil` takes any.
  package func authenticate(
    offering mechanisms: [String], password: String, binding: [UInt8]? = nil
  ) async throws -> ScramShown {
    let request = BackendMessage.Authentication.sasl(mechanisms: mechanisms)
    try await send { request.encode(into: &$0) }
    let first = try await saslInitialResponse()
    let parts = first.text.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let nonce = parts[2].split(separator: ",").last?.dropFirst(2) else {
      throw TestFailure("the client began SCRAM with \"\(first.text)\"")
    }
    let verifier = ScramVerifier(password: password)
    let challenge = verifier.challenge(nonce: String(nonce))
    let asked = BackendMessage.Authentication.saslContinue(ByteBuffer(string: challenge))
    try await send { asked.encode(into: &$0) }
    let final = String(buffer: try await passwordBody())
    let header = "\(parts[0]),\(parts[1]),"
    guard let split = final.range(of: ",p="), final.hasPrefix("c="),
      let proof = Data(base64Encoded: String(final[split.upperBound...])),
      let carried = final.dropFirst(2).split(separator: ",").first,
      let carriedBytes = Data(base64Encoded: String(carried)),
      carriedBytes.starts(with: Array(header.utf8))
    else { throw TestFailure("the client ended SCRAM with \"\(final)\"") }
    let message = "\(parts[2]),\(challenge),\(final[..<split.lowerBound])"
    let verdict = verifier.verify(Array(proof), over: message)
    let shown = ScramShown(
      mechanism: first.mechanism, header: header,
      binding: Array(carriedBytes.dropFirst(header.utf8.count)), isProven: verdict.isProven)
    let isBound = binding.map { $0 == shown.binding } ?? true
    let answer =
      !isBound
      ? "e=channel-bindings-dont-match"
      : shown.isProven ? "v=\(verdict.signature)" : "e=invalid-proof"
    let ended = BackendMessage.Authentication.saslFinal(ByteBuffer(string: answer))
    try await send { ended.encode(into: &$0) }
    return shown
  }

  /// Layout of SASLInitialResponse: name, zero byte, `Int32` length, data.
  private func saslInitialResponse() async throws -> (mechanism: String, text: String) {
    var body = try await passwordBody()
    guard let end = body.readableBytesView.firstIndex(of: 0),
      let mechanism = body.readString(length: end - body.readerIndex),
      body.readInteger(as: UInt8.self) == 0, let length = body.readInteger(as: Int32.self),
      let text = body.readString(length: Int(length))
    else { throw TestFailure("the client sent no SASLInitialResponse") }
    return (mechanism, text)
  }

  private func passwordBody() async throws -> ByteBuffer {
    let frame = try await receiveFrontend()
    guard frame.type == .password else {
      throw TestFailure("the client sent \(frame.type) where SASL was due")
    }
    return frame.body
  }
}
