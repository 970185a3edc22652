import GatewayModel

/// Writes whole audit records to the end of a reusable buffer.
///
/// Byte layout of a record (message `AuditRecord`, fields in the order of their numbers):
/// ```
/// 08 varint                 seq                left out when 0
/// 11 8 bytes                unix_nanoseconds   little-endian, left out when 0
/// 1a 10 16 bytes            session            big-endian, left out without a session
/// tag varint-length body    the one field of `kind`; its tag is fieldNumber << 3 | 2
/// ```
/// What is written here is what is hashed, shipped and stored; it is never encoded again.
package enum RecordEncoder {
  /// Appends one record.
  package static func append<Body: RecordBody>(
    _ body: borrowing Body, header: RecordHeader, to fields: inout FieldWriter
  ) {
    appendHeader(header, to: &fields)
    // A copy of a borrowed parameter for the closure; the parts are only retained.
    let content = copy body
    fields.message(Body.kind.fieldNumber) { content.writeFields(to: &$0) }
  }

  /// Appends the record of one chunk of a text.
  package static func append(
    _ chunk: StatementTextChunk, header: RecordHeader, to fields: inout FieldWriter
  ) {
    appendHeader(header, to: &fields)
    fields.message(RecordKind.statementText.fieldNumber) { chunk.writeFields(to: &$0) }
  }

  /// Appends a record that was encoded before, under another seq and else byte for byte.
  package static func append(
    _ record: UnsafeRawBufferPointer, seq: UInt64, to fields: inout FieldWriter
  ) {
    fields.varint(1, seq)
    fields.appendRaw(UnsafeRawBufferPointer(rebasing: record.dropFirst(seqBytes(of: record))))
  }

  /// How many bytes the seq takes with its tag; 0 where it is left out.
  private static func seqBytes(of record: UnsafeRawBufferPointer) -> Int {
    guard record.first == 0x08 else { return 0 }
    let last = record.dropFirst().firstIndex { $0 & 0x80 == 0 }
    return last.map { $0 + 1 } ?? record.count
  }

  /// The bytes of one record.
  package static func encode<Body: RecordBody>(
    _ body: borrowing Body, header: RecordHeader
  ) -> [UInt8] {
    var fields = FieldWriter(reserving: 256)
    append(body, header: header, to: &fields)
    return fields.bytes
  }

  private static func appendHeader(_ header: RecordHeader, to fields: inout FieldWriter) {
    fields.varint(1, header.seq)
    fields.time(2, header.time)
    if let session = header.session { fields.identifier(3, session.value) }
  }
}
