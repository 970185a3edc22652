internal import AuditLog
import Foundation
internal import GatewayModel

extension PostgresStore {
  /// Stores statement texts under their digests, each once for the whole fleet.
  ///
  /// A text is taken only when it has the digest it came with: otherwise one agent could put its
  /// own words under the statements of others. Chunks wait until the last of their text is there.
  static func store(
    _ records: [StatementTextRecord], _ log: LogID, _ receivedAt: WallTime,
    _ session: PostgresSession
  ) throws(PostgresError) {
    var texts: [[UInt8]: [UInt8]] = [:]
    for record in records {
      let digest = record.digest.bytes
      if record.isWhole {
        if StatementDigest(of: record.text) == record.digest { texts[digest] = record.text }
        continue
      }
      try session.execute(
        """
        INSERT INTO sallyport.statement_text_chunk (agent, epoch, lane, digest, chunk, bytes)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (agent, epoch, lane, digest, chunk) DO UPDATE SET bytes = excluded.bytes
        """,
        chunkKey(log, digest) + [.integer(Int64(record.chunk)), .bytes(record.text)])
      guard record.isLast else { continue }
      let chunks = try session.rows(
        """
        DELETE FROM sallyport.statement_text_chunk
        WHERE agent = $1 AND epoch = $2 AND lane = $3 AND digest = $4 RETURNING chunk, bytes
        """, chunkKey(log, digest)
      ) { row throws(PostgresError) in (number: try row.integer(), bytes: try row.bytes()) }
      let whole = chunks.sorted { $0.number < $1.number }.flatMap(\.bytes)
      if StatementDigest(of: whole) == record.digest { texts[digest] = whole }
    }
    guard !texts.isEmpty else { return }
    // In one order for everyone, or two batches with the same new texts would wait for each other.
    let sorted = texts.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    try session.execute(
      """
      INSERT INTO sallyport.statement_text (digest, text, first_seen_at)
      SELECT digest, text, $3 FROM unnest($1::bytea[], $2::text[]) t (digest, text)
      ON CONFLICT (digest) DO NOTHING
      """,
      [
        .byteStrings(sorted.map(\.key)),
        .texts(sorted.map { String(decoding: $0.value, as: UTF8.self) }), .time(receivedAt),
      ])
  }

  /// Drops the chunks of a log whose text can no longer be completed.
  ///
  /// - Parameter unfinished: The text that the log is in the middle of after the batch.
  static func dropChunks(
    _ log: LogID, but unfinished: StatementDigest?, _ session: PostgresSession
  ) throws(PostgresError) {
    try session.execute(
      """
      DELETE FROM sallyport.statement_text_chunk
      WHERE agent = $1 AND epoch = $2 AND lane = $3 AND digest <> $4
      """, chunkKey(log, unfinished?.bytes ?? []))
  }

  private static func chunkKey(_ log: LogID, _ digest: [UInt8]) -> [SQLValue] {
    [
      .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)), .bytes(digest),
    ]
  }
}

extension StatementTextRecord {
  /// Whether the record has the text alone.
  var isWhole: Bool { chunk == 0 && isLast }
}
