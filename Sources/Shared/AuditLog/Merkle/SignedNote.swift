import Crypto

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A text with one Ed25519 signature, in the form of C2SP signed-note.
///
/// ```
/// <text, each line closed by a line feed>
/// <empty line>
/// — <key name> <base64 of key id (4 bytes) and signature (64 bytes)>
/// ```
/// The signature is over the text with its last line feed. The key id is the first four bytes of
/// `SHA-256(key name ‖ 0x0a ‖ 0x01 ‖ public key)`.
package struct SignedNote: Hashable, Sendable {
  /// More than any checkpoint here has.
  package static let maximumBytes = 4096

  package let text: String
  package let keyName: String
  private let keyID: [UInt8]
  private let signature: [UInt8]

  /// Signs a text.
  ///
  /// - Parameters:
  ///   - text: Ends with a line feed.
  ///   - keyName: Without white space and plus signs.
  package init(
    signing text: String, keyName: String, with key: Curve25519.Signing.PrivateKey
  ) throws {
    self.text = text
    self.keyName = keyName
    keyID = Self.keyID(keyName, key.publicKey)
    signature = Array(try key.signature(for: Data(text.utf8)))
  }

  /// Reads a note; `nil` for anything that is not one with exactly one signature of this form.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count <= Self.maximumBytes, let note = String(validating: bytes, as: UTF8.self),
      let gap = note.range(of: "\n\n\u{2014} ", options: .backwards), note.hasSuffix("\n")
    else { return nil }
    let text = note[..<gap.lowerBound] + "\n"
    let parts = note[gap.upperBound...].dropLast().split(
      separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty,
      let signed = Data(base64Encoded: String(parts[1])), signed.count == 68
    else { return nil }
    self.text = String(text)
    keyName = String(parts[0])
    keyID = Array(signed.prefix(4))
    signature = Array(signed.dropFirst(4))
    // One note has one form, so that two that differ in bytes differ in what they say.
    guard self.bytes.elementsEqual(bytes) else { return nil }
  }

  package var bytes: [UInt8] {
    Array("\(text)\n\u{2014} \(keyName) \(Data(keyID + signature).base64EncodedString())\n".utf8)
  }

  /// Whether the holder of `key` has signed the text under this key name.
  package func isSigned(by key: Curve25519.Signing.PublicKey) -> Bool {
    keyID == Self.keyID(keyName, key) && key.isValidSignature(signature, for: Data(text.utf8))
  }

  private static func keyID(_ name: String, _ key: Curve25519.Signing.PublicKey) -> [UInt8] {
    let named = Array(name.utf8) + [0x0A, 0x01] + key.rawRepresentation
    return Array(SHA256.hash(data: named).prefix(4))
  }
}

extension Checkpoint {
  /// The signed note of the checkpoint; its key's name is the log's origin.
  package func signed(with key: Curve25519.Signing.PrivateKey) throws -> SignedNote {
    try SignedNote(signing: text, keyName: Self.origin(of: log), with: key)
  }

  /// The checkpoint that a note holds, if the log's writer has signed it.
  package init?(note: SignedNote, key: Curve25519.Signing.PublicKey) {
    guard let checkpoint = Checkpoint(text: note.text),
      note.keyName == Self.origin(of: checkpoint.log), note.isSigned(by: key)
    else { return nil }
    self = checkpoint
  }

  /// The checkpoint that the bytes of a note hold, if the log's writer has signed it.
  package init?(signed bytes: some Collection<UInt8>, key: Curve25519.Signing.PublicKey) {
    guard let note = SignedNote(bytes: bytes) else { return nil }
    self.init(note: note, key: key)
  }
}
