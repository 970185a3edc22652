import Crypto
import NIOCore

/// The client's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677) as a state machine.
///
/// Send ``firstMessage()``, then ``finalMessage(answering:)``, then ask ``verify(serverFinal:)``;
/// only when that returns has the server shown that it knows the password. AuthenticationOk before
/// that must be refused: see ``isVerified``. After an error every call fails.
package struct ScramClient: Sendable {
  package static let defaultIterationCap = 100_000

  private enum Phase: Sendable {
    case initial
    /// Awaiting the server's first message.
    case challenged(firstBare: [UInt8])
    /// Awaiting the server's final message.
    case proven(serverSignature: [UInt8])
    case verified
    case failed
  }

  private let password: SensitiveBytes
  private let nonce: [UInt8]
  private let binding: ScramChannelBinding
  private let iterationCap: Int
  private let username: String
  private var phase: Phase = .initial

  /// The keys used, for the next exchange with the same password; `nil` before the final message.
  package private(set) var keys: ScramKeys?

  /// - Parameters:
  ///   - username: sent to the server; PostgreSQL ignores it and takes the startup packet's.
  ///   - password: as configured; ``SASLPrep`` is applied here.
  ///   - randomNonce: at least 18 bytes from a secure source, never used twice.
  ///   - cachedKeys: from an earlier exchange; used where salt and iterations are the same.
  ///   - iterationCap: what the server may ask at most, so that it cannot keep us busy.
  package init(
    username: String = "", password: some Sequence<UInt8>, randomNonce: [UInt8],
    binding: ScramChannelBinding, cachedKeys: ScramKeys? = nil,
    iterationCap: Int = ScramClient.defaultIterationCap
  ) {
    self.init(
      username: username, password: password, printableNonce: Base64.encode(randomNonce),
      binding: binding, cachedKeys: cachedKeys, iterationCap: iterationCap)
  }

  /// With the nonce as it is sent, for test vectors.
  init(
    username: String, password: some Sequence<UInt8>, printableNonce: [UInt8],
    binding: ScramChannelBinding, cachedKeys: ScramKeys? = nil,
    iterationCap: Int = ScramClient.defaultIterationCap
  ) {
    self.username = username
    self.password = SensitiveBytes(SASLPrep.prepare(Array(password)))
    nonce = printableNonce
    self.binding = binding
    self.iterationCap = iterationCap
    keys = cachedKeys
  }

  /// Whether the server has proven itself.
  package var isVerified: Bool {
    if case .verified = phase { return true }
    return false
  }

  /// The data of SASLInitialResponse: `gs2-header n=user,r=nonce`.
  package mutating func firstMessage() throws(ScramError) -> [UInt8] {
    guard case .initial = phase else { throw fail(outOfOrder) }
    let name = username.utf8.reduce(into: [UInt8]()) { escaped, byte in
      switch byte {
      case UInt8(ascii: "="): escaped += Array("=3D".utf8)
      case UInt8(ascii: ","): escaped += Array("=2C".utf8)
      default: escaped.append(byte)
      }
    }
    let bare = Array("n=".utf8) + name + Array(",r=".utf8) + nonce
    phase = .challenged(firstBare: bare)
    return Array(binding.header.utf8) + bare
  }

  /// What has to be derived before ``finalMessage(answering:)`` can answer without the rounds of
  /// hashing itself; `nil` when the keys at hand fit.
  ///
  /// Who has others to serve derives elsewhere and hands the outcome to ``use(_:)``.
  package func derivation(
    for serverFirst: ByteBuffer
  ) throws(ScramError) -> ScramDerivation? {
    guard case .challenged = phase else { throw outOfOrder }
    let challenge = try ScramChallenge(
      decoding: serverFirst, clientNonce: nonce, iterationCap: iterationCap)
    if let keys, keys.salt == challenge.salt, keys.iterations == challenge.iterations { return nil }
    return ScramDerivation(
      password: password, salt: challenge.salt, iterations: challenge.iterations)
  }

  /// Takes keys for the exchange in place of those given at the start.
  package mutating func use(_ derived: ScramKeys) { keys = derived }

  /// The data of SASLResponse for the server's first message (AuthenticationSASLContinue).
  package mutating func finalMessage(answering serverFirst: ByteBuffer) throws(ScramError)
    -> [UInt8]
  {
    guard case .challenged(let firstBare) = phase else { throw fail(outOfOrder) }
    let challenge: ScramChallenge
    do throws(ScramError) {
      challenge = try ScramChallenge(
        decoding: serverFirst, clientNonce: nonce, iterationCap: iterationCap)
    } catch {
      throw fail(error)
    }
    let keys = keys(for: challenge)
    self.keys = keys
    let withoutProof =
      Array("c=".utf8) + Base64.encode(binding.attribute) + Array(",r=".utf8) + challenge.nonce
    let comma = [UInt8(ascii: ",")]
    let signed =
      firstBare + comma + Array(serverFirst.readableBytesView) + comma + withoutProof
    let storedKey = SymmetricKey(data: SHA256.hash(data: keys.clientKey.bytes))
    let signature = hmacSHA256(signed, key: storedKey)
    let proof = zip(keys.clientKey.bytes, signature).map { $0 ^ $1 }
    let serverSignature = hmacSHA256(signed, key: SymmetricKey(data: keys.serverKey.bytes))
    phase = .proven(serverSignature: serverSignature)
    return withoutProof + Array(",p=".utf8) + Base64.encode(proof)
  }

  /// Checks the server's final message (AuthenticationSASLFinal) in constant time.
  package mutating func verify(serverFinal: ByteBuffer) throws(ScramError) {
    guard case .proven(let expected) = phase else { throw fail(outOfOrder) }
    do throws(ScramError) {
      var attributes = try ScramAttributes("final message", serverFinal)
      if try attributes.next(ifNamed: "e") != nil {
        throw ScramError(
          .refused, "cannot log in: the server refuses the proof; check the role's password")
      }
      let verifier = try attributes.next(named: "v")
      guard let signature = Base64.decode(verifier) else {
        throw attributes.malformed("its signature is not base64")
      }
      try attributes.skipExtensions()
      guard constantTimeEqual(signature, expected) else {
        throw ScramError(
          .serverNotVerified,
          "cannot log in: the server did not show that it knows the password; check the address "
            + "for an impostor")
      }
    } catch {
      throw fail(error)
    }
    phase = .verified
  }

  private func keys(for challenge: ScramChallenge) -> ScramKeys {
    if let keys, keys.salt == challenge.salt, keys.iterations == challenge.iterations {
      return keys
    }
    return ScramKeys(
      password: password, salt: challenge.salt, iterations: challenge.iterations)
  }

  private mutating func fail(_ error: ScramError) -> ScramError {
    phase = .failed
    return error
  }

  private var outOfOrder: ScramError {
    ScramError(
      .outOfOrder,
      "cannot log in: the server sent a SCRAM message when none was due; check that the address "
        + "is a PostgreSQL server")
  }
}
