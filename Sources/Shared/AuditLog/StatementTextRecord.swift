/// `statement.text`: one chunk of a statement's text.
///
/// A text is written once per log and digest, in chunks in order, before the first begin record
/// that names the digest. It is never truncated.
package struct StatementTextRecord: RecordBody {
  package static var kind: RecordKind { .statementText }

  /// The most bytes of text that one record holds.
  package static let maximumChunkBytes = 256 * 1024

  /// Of the whole text.
  package var digest: StatementDigest
  /// The number of the chunk, from 0.
  package var chunk: UInt32
  package var isLast: Bool
  /// As the client sent it; usually UTF-8.
  package var text: [UInt8]

  package init(digest: StatementDigest, chunk: UInt32, isLast: Bool, text: [UInt8]) {
    self.digest = digest
    self.chunk = chunk
    self.isLast = isLast
    self.text = text
  }

  package func writeFields(to fields: inout FieldWriter) {
    text.withUnsafeBytes { text in
      StatementTextChunk(digest: digest, chunk: chunk, isLast: isLast, text: text)
        .writeFields(to: &fields)
    }
  }
}

/// The same content as ``StatementTextRecord``, over bytes that are the caller's: a long text is
/// written from where the client's message stands, without a copy of it.
package struct StatementTextChunk {
  package let digest: StatementDigest
  package let chunk: UInt32
  package let isLast: Bool
  package let text: UnsafeRawBufferPointer

  package init(digest: StatementDigest, chunk: UInt32, isLast: Bool, text: UnsafeRawBufferPointer) {
    self.digest = digest
    self.chunk = chunk
    self.isLast = isLast
    self.text = text
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.reserve(text.count + 64)
    fields.digest(1, digest)
    fields.varint(2, chunk)
    fields.bool(3, isLast)
    fields.bytes(4, text)
  }

  /// Cuts a text into its chunks, in order; an empty text is one empty chunk.
  package static func chunks(
    of text: UnsafeRawBufferPointer, digest: StatementDigest,
    maximumBytes: Int = StatementTextRecord.maximumChunkBytes,
    _ body: (StatementTextChunk) -> Void
  ) {
    let size = max(1, maximumBytes)
    var offset = 0
    var number: UInt32 = 0
    repeat {
      let end = min(text.count, offset + size)
      body(
        StatementTextChunk(
          digest: digest, chunk: number, isLast: end == text.count,
          text: UnsafeRawBufferPointer(rebasing: text[offset..<end])))
      offset = end
      number &+= 1
    } while offset < text.count
  }
}
