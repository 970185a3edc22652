import Crypto
import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Proves by itself that a record stands in the log of its writer at its place.
///
/// A JSON object; hashes, key and record in base64, the checkpoint as the text of a C2SP note.
package struct RecordProof: Hashable, Sendable, Codable {
  package static let format = "sallyport-audit-proof"
  package static let version = 1

  package var format: String
  package var version: Int
  /// `<agent>/<epoch>/<lane>`.
  package var log: String
  package var seq: UInt64
  package var record: String
  /// The inclusion proof of RFC 6962, section 2.1.1, from the leaf up.
  package var path: [String]
  /// Of the log, signed by its writer.
  package var checkpoint: String
  /// The raw Ed25519 key of the writer. Who has it from elsewhere compares.
  package var key: String

  package init(
    log: LogID, seq: UInt64, record: [UInt8], path: [Hash256], checkpoint: String, key: [UInt8]
  ) {
    format = Self.format
    version = Self.version
    self.log = log.description
    self.seq = seq
    self.record = Data(record).base64EncodedString()
    self.path = path.map { Data($0.bytes).base64EncodedString() }
    self.checkpoint = checkpoint
    self.key = Data(key).base64EncodedString()
  }

  /// The record that is proved.
  ///
  /// - Parameter trusted: The key of the writer from elsewhere; `nil` takes that of the proof.
  /// - Throws: what does not hold.
  package func verified(trusting trusted: [UInt8]? = nil) throws(Finding) -> DecodedRecord {
    guard format == Self.format, version == Self.version else {
      throw Finding(.unreadable, "it is of the form \"\(format)\" \(version)")
    }
    guard let id = LogID(text: log), let bytes = Data(base64Encoded: record),
      let rawKey = Data(base64Encoded: key),
      let publicKey = try? Curve25519.Signing.PublicKey(rawRepresentation: rawKey)
    else { throw Finding(.unreadable, "its log, record or key is none") }
    if let trusted, trusted != Array(rawKey) {
      throw Finding(.signature, log: id, seq: seq, "its key is not the one that is trusted")
    }
    let hashes = path.compactMap { Data(base64Encoded: $0).flatMap { Hash256(bytes: $0) } }
    guard hashes.count == path.count else {
      throw Finding(.unreadable, log: id, seq: seq, "a hash of its path is none")
    }
    guard let head = Checkpoint(signed: Array(checkpoint.utf8), key: publicKey), head.log == id
    else {
      throw Finding(
        .signature, log: id, seq: seq, "its checkpoint is not one that the writer has signed")
    }
    let leaf = MerkleTree.leaf(Array(bytes))
    guard
      MerkleProof.includes(leaf, at: seq, size: head.size, root: head.root, path: hashes)
    else {
      throw Finding(
        .altered, log: id, seq: seq, "the path does not lead from the record to the checkpoint")
    }
    do {
      return try RecordDecoder.decode(bytes)
    } catch {
      throw Finding(.unreadable, log: id, seq: seq, error.message)
    }
  }
}
