internal import AuditLog

extension AgentComparison {
  /// Compares the texts that are whole with the records of a step.
  ///
  /// - Parameter expected: SHA-256 of the text as it is stored, by its digest.
  mutating func compareTexts(
    _ expected: [[UInt8]: [UInt8]], _ session: PostgresSession
  ) throws(PostgresError) {
    let digests = Array(expected.keys)
    for (digest, stored) in expected where digest != stored { replacedTexts.insert(digest) }
    for start in stride(from: 0, to: digests.count, by: 500) {
      let part = Array(digests[start..<min(digests.count, start + 500)])
      let found = try session.rows(
        """
        SELECT digest, sha256(convert_to(text, 'UTF8')) FROM sallyport.statement_text
        WHERE digest = ANY ($1)
        """, [.byteStrings(part)]
      ) { row throws(PostgresError) in (try row.bytes(), try row.bytes()) }
      let stored = Dictionary(found, uniquingKeysWith: { first, _ in first })
      for digest in part {
        let name = PostgresStore.hexadecimal(digest)
        if let text = stored[digest] {
          guard text != expected[digest] else { continue }
          self.found.add("statement_text", "the text \(name) is not the one of the records")
        } else {
          self.found.add("statement_text", "the text \(name) is missing")
        }
      }
    }
  }
}
