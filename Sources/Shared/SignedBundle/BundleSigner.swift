package import Crypto
import Foundation

/// Makes signed bundles with the policy keys.
package struct BundleSigner: Sendable {
  private let keys: [Curve25519.Signing.PrivateKey]

  package init(key: Curve25519.Signing.PrivateKey) { keys = [key] }

  /// - Parameter keys: Each signs; at least as many as the root document in force asks for.
  package init(keys: [Curve25519.Signing.PrivateKey]) { self.keys = keys }

  /// The keys whose signatures its bundles have.
  package var publicKeys: [PolicyKey] { keys.map { PolicyKey($0.publicKey) } }

  /// Signs a payload; the bytes returned are what agents store and verify, never to be re-encoded.
  ///
  /// - Throws: ``BundleError`` `malformed` when the payload's expiry does not follow its issue or
  ///   its version is 0, `tooLarge` when the envelope passes ``Envelope/maximumBytes``.
  package func sign(_ payload: BundlePayload) throws(BundleError) -> SignedBundle {
    guard payload.version > 0 else {
      throw BundleError(
        code: .malformed, message: "signing version 0: the first version of a bundle is 1")
    }
    guard payload.expiresAtUnixSeconds > payload.issuedAtUnixSeconds else {
      throw BundleError(
        code: .malformed,
        message: "signing a bundle that expires (\(payload.expiresAtUnixSeconds)) no later than"
          + " it is issued (\(payload.issuedAtUnixSeconds)): give a later expiry")
    }
    let (body, bytes) = try SignedDocument.make(payload, type: Envelope.bundleType, keys: keys)
    guard bytes.count <= Envelope.maximumBytes else {
      throw BundleError(
        code: .tooLarge,
        message: "the bundle of segment \"\(payload.segment)\" is \(bytes.count) bytes, over the"
          + " limit of \(Envelope.maximumBytes): move connections or grants to another segment")
    }
    return SignedBundle(
      payload: payload, hash: BundleHash(ofPayload: body), envelope: bytes)
  }
}

/// A payload with the envelope that vouches for it.
package struct SignedBundle: Hashable, Sendable {
  package let payload: BundlePayload
  package let hash: BundleHash
  /// The DSSE envelope, byte for byte.
  package let envelope: [UInt8]

  init(payload: BundlePayload, hash: BundleHash, envelope: [UInt8]) {
    self.payload = payload
    self.hash = hash
    self.envelope = envelope
  }

  /// What an agent remembers of it, to refuse older ones.
  package var accepted: AcceptedVersion { AcceptedVersion(version: payload.version, hash: hash) }
}

/// SHA-256 of a payload's bytes, as they were signed.
package struct BundleHash: Hashable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  package let bytes: [UInt8]

  /// `nil` unless there are 32 bytes.
  package init?(bytes: [UInt8]) {
    guard bytes.count == SHA256.byteCount else { return nil }
    self.bytes = bytes
  }

  init(ofPayload payload: [UInt8]) { bytes = Array(SHA256.hash(data: payload)) }

  /// 64 hexadecimal digits.
  package var description: String { hexadecimal(bytes) }
}

/// The highest version an agent has accepted.
package struct AcceptedVersion: Hashable, Sendable {
  package var version: UInt64
  package var hash: BundleHash

  package init(version: UInt64, hash: BundleHash) {
    self.version = version
    self.hash = hash
  }
}

/// A public key that may sign bundles.
package struct PolicyKey: Hashable, Sendable {
  /// `ed25519:` and the first 16 hexadecimal digits of the SHA-256 of the raw key.
  package let id: String
  /// The raw Ed25519 public key, 32 bytes.
  package let rawBytes: [UInt8]

  package init(_ key: Curve25519.Signing.PublicKey) {
    rawBytes = Array(key.rawRepresentation)
    id = "ed25519:" + hexadecimal(SHA256.hash(data: rawBytes).prefix(8))
  }

  /// Reads base64 of a raw key, as an enrolment answer carries it; `nil` when it is not one.
  package init?(base64: String) {
    guard let data = Data(base64Encoded: base64),
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: data)
    else { return nil }
    self.init(key)
  }

  /// Base64 of the raw key.
  package var base64: String { Data(rawBytes).base64EncodedString() }
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 0x0F)])
  }
  return String(decoding: text, as: UTF8.self)
}
