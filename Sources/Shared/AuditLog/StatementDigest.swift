import Crypto

/// SHA-256 of a statement's whole text; what names the text in records and in the store.
package struct StatementDigest: Hashable, Sendable {
  private let hash: Hash256

  /// Reads 32 bytes; `nil` for any other count.
  package init?(bytes: some Collection<UInt8>) {
    guard let hash = Hash256(bytes: bytes) else { return nil }
    self.hash = hash
  }

  /// The digest of a text.
  package init(of text: UnsafeRawBufferPointer) {
    var hash = SHA256()
    hash.update(bufferPointer: text)
    self.hash = Hash256(hash.finalize())
  }

  /// The digest of a text.
  package init(of text: some Sequence<UInt8>) {
    hash = Hash256(SHA256.hash(data: Array(text)))
  }

  /// Gives the 32 bytes for the time of the call.
  package func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    hash.withUnsafeBytes(body)
  }

  package var bytes: [UInt8] { hash.bytes }
}

extension StatementDigest: CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  package var description: String { hash.description }
}
