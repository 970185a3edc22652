internal import Crypto
import Foundation
internal import GatewayModel

/// What bundles, leases and root documents have in common: a JSON payload in a DSSE envelope.
enum SignedDocument {
  /// Encodes a payload and signs it with each key.
  ///
  /// - Returns: The payload's bytes as they were signed, and the envelope.
  static func make(
    _ payload: some Encodable, type: String, keys: [Curve25519.Signing.PrivateKey]
  ) throws(BundleError) -> (body: [UInt8], envelope: [UInt8]) {
    let envelope: Envelope
    do {
      let encoder = JSONEncoder()
      // Sorted, so that one payload has one hash.
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let body = Array(try encoder.encode(payload))
      let covered = Envelope.signedBytes(type: type, body: body)
      envelope = Envelope(
        payloadType: type, payload: body,
        signatures: try keys.map { key in
          .init(
            keyID: PolicyKey(key.publicKey).id, signature: Array(try key.signature(for: covered)))
        })
    } catch {
      throw BundleError(code: .malformed, message: "signing the payload failed: \(error)")
    }
    return (envelope.payload, try envelope.encoded())
  }

  /// Reads an envelope whose payload is of a type.
  ///
  /// - Throws: ``BundleError`` `tooLarge` or `malformed`.
  static func envelope(_ bytes: [UInt8], type: String) throws(BundleError) -> Envelope {
    let envelope = try Envelope(encoded: bytes)
    guard envelope.payloadType == type else {
      throw BundleError(
        code: .malformed,
        message: "the payload's type is \"\(envelope.payloadType.prefix(100))\", not \"\(type)\"")
    }
    return envelope
  }

  /// Reads a payload; to be called only behind a good signature over it.
  static func payload<Payload: Decodable>(
    _ type: Payload.Type, of envelope: Envelope
  ) throws(BundleError) -> Payload {
    do {
      return try JSONDecoder().decode(Payload.self, from: Data(envelope.payload))
    } catch {
      throw BundleError(
        code: .malformed, message: "the signed payload cannot be read: \(summary(of: error))")
    }
  }

  /// How many different keys of `keys` have signed; a key counts once, however often it signed.
  static func signers(of envelope: Envelope, among keys: [PolicyKey]) -> Int {
    let covered = Envelope.signedBytes(type: envelope.payloadType, body: envelope.payload)
    return Set(keys).count(where: { trusted in
      guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: trusted.rawBytes) else {
        return false
      }
      return envelope.signatures.contains { signature in
        (signature.keyID.isEmpty || signature.keyID == trusted.id)
          && key.isValidSignature(signature.signature, for: covered)
      }
    })
  }

  /// Where decoding failed, without quoting the payload.
  private static func summary(of error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      "at \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\":"
        + " \(context.debugDescription)"
    default: "it is not JSON"
    }
  }
}

/// Times as signed documents carry them: whole seconds since 1970-01-01 00:00:00 UTC.
enum UnixSeconds {
  static let nanoseconds: Int64 = 1_000_000_000

  /// Cut to whole seconds.
  static func seconds(_ time: WallTime) -> Int64 { time.unixNanoseconds / nanoseconds }

  /// Saturates: a signed but absurd time must not trap the agent that reads it.
  static func wallTime(_ seconds: Int64) -> WallTime {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: nanoseconds)
    guard overflow else { return WallTime(unixNanoseconds: product) }
    return WallTime(unixNanoseconds: seconds < 0 ? .min : .max)
  }
}

extension WallTime {
  /// Saturates.
  func advanced(bySeconds seconds: Int64) -> WallTime {
    let (product, tooFar) = seconds.multipliedReportingOverflow(by: UnixSeconds.nanoseconds)
    let (sum, overflow) = unixNanoseconds.addingReportingOverflow(product)
    guard !tooFar, !overflow else { return WallTime(unixNanoseconds: seconds < 0 ? .min : .max) }
    return WallTime(unixNanoseconds: sum)
  }
}
