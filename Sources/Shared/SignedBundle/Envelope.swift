import Foundation

/// A DSSE envelope in its JSON form (github.com/secure-systems-lab/dsse, envelope.md and
/// protocol.md).
package struct Envelope: Hashable, Sendable {
  package struct Signature: Hashable, Sendable {
    /// A hint which key signed; not itself trusted.
    package var keyID: String
    package var signature: [UInt8]

    package init(keyID: String, signature: [UInt8]) {
      self.keyID = keyID
      self.signature = signature
    }
  }

  /// The longest envelope that is read or made.
  package static let maximumBytes = 8 * 1024 * 1024
  /// The most signatures that are looked at, which bounds the work a forger can ask for.
  package static let maximumSignatures = 8
  package static let bundleType = "application/vnd.sallyport.bundle+json"
  package static let leaseType = "application/vnd.sallyport.lease+json"
  package static let rootType = "application/vnd.sallyport.root+json"

  package var payloadType: String
  package var payload: [UInt8]
  package var signatures: [Signature]

  package init(payloadType: String, payload: [UInt8], signatures: [Signature]) {
    self.payloadType = payloadType
    self.payload = payload
    self.signatures = signatures
  }

  /// Reads an envelope without judging its signatures.
  ///
  /// - Throws: ``BundleError`` `tooLarge` or `malformed`.
  package init(encoded bytes: [UInt8]) throws(BundleError) {
    guard bytes.count <= Self.maximumBytes else {
      throw BundleError(
        code: .tooLarge,
        message: "the envelope is \(bytes.count) bytes, over the limit of \(Self.maximumBytes)")
    }
    let form: JSONForm
    do {
      form = try JSONDecoder().decode(JSONForm.self, from: Data(bytes))
    } catch {
      throw BundleError(code: .malformed, message: "the envelope is not a DSSE envelope in JSON")
    }
    guard let payload = Data(base64Encoded: form.payload) else {
      throw BundleError(code: .malformed, message: "the envelope's payload is not base64")
    }
    guard form.signatures.count <= Self.maximumSignatures else {
      throw BundleError(
        code: .malformed,
        message: "the envelope has \(form.signatures.count) signatures, over the limit of"
          + " \(Self.maximumSignatures)")
    }
    var signatures: [Signature] = []
    for signature in form.signatures {
      guard let decoded = Data(base64Encoded: signature.sig) else {
        throw BundleError(code: .malformed, message: "a signature of the envelope is not base64")
      }
      signatures.append(Signature(keyID: signature.keyid ?? "", signature: Array(decoded)))
    }
    self.init(payloadType: form.payloadType, payload: Array(payload), signatures: signatures)
  }

  /// The version the payload claims, not verified: only for saying which bundle was refused.
  package var claimedVersion: UInt64? {
    struct Claim: Decodable { var version: UInt64 }
    return try? JSONDecoder().decode(Claim.self, from: Data(payload)).version
  }

  /// The JSON form.
  package func encoded() throws(BundleError) -> [UInt8] {
    let form = JSONForm(
      payload: Data(payload).base64EncodedString(), payloadType: payloadType,
      signatures: signatures.map {
        .init(keyid: $0.keyID, sig: Data($0.signature).base64EncodedString())
      })
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return Array(try encoder.encode(form))
    } catch {
      throw BundleError(code: .malformed, message: "encoding the envelope failed: \(error)")
    }
  }

  /// The pre-authentication encoding, which is what a signature covers:
  /// `DSSEv1 SP <length of type> SP <type> SP <length of body> SP <body>`, lengths in decimal.
  package static func signedBytes(type: String, body: [UInt8]) -> [UInt8] {
    var bytes = Array("DSSEv1 \(type.utf8.count) \(type) \(body.count) ".utf8)
    bytes.append(contentsOf: body)
    return bytes
  }

  private struct JSONForm: Codable {
    struct Signature: Codable {
      var keyid: String?
      var sig: String
    }
    var payload: String
    var payloadType: String
    var signatures: [Signature]
  }
}
