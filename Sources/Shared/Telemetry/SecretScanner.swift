/// Finds one secret at a place of a text; each function answers the bytes to be hidden.
///
/// Every function is linear in what it hides and never looks behind the text's end.
struct SecretScanner {
  let bytes: UnsafeBufferPointer<UInt8>

  /// The names before `=` (or as a JSON member's name) whose values are secret.
  private static let names: [[UInt8]] = [
    "password", "passwd", "passphrase", "pgpassword", "passfile_secret", "secret", "token",
    "api_key", "apikey", "access_token", "api_token", "apitoken", "joinsecret", "bootstraptoken",
    "sslpassword",
  ].map { Array($0.utf8) }

  /// Tokens shorter than this are words, not secrets.
  private static let minimumToken = 12

  /// `eyJ…`: a base64url JSON object, with its further dotted parts (RFC 7519).
  func webToken(at index: Int) -> Range<Int>? {
    guard matches("eyJ", at: index, foldingCase: false), !isTokenByte(at: index - 1) else {
      return nil
    }
    let end = run(from: index) { isTokenByte($0) || $0 == UInt8(ascii: ".") }
    return end - index >= Self.minimumToken ? index..<end : nil
  }

  /// `sp`, a letter, `_`, then the secret; a join token's `.` and fingerprint go with it.
  func ownToken(at index: Int) -> Range<Int>? {
    guard matches("sp", at: index, foldingCase: false), let letter = byte(at: index + 2),
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter),
      byte(at: index + 3) == UInt8(ascii: "_"), !isTokenByte(at: index - 1)
    else { return nil }
    let end = run(from: index) { isTokenByte($0) || $0 == UInt8(ascii: ".") }
    return end - index >= Self.minimumToken ? index..<end : nil
  }

  /// `Bearer <token>`: the token.
  func bearer(at index: Int) -> Range<Int>? {
    guard matches("bearer ", at: index, foldingCase: true) else { return nil }
    let start = run(from: index + 7) { $0 == UInt8(ascii: " ") }
    let end = run(from: start) { $0 > 0x20 && $0 != UInt8(ascii: "\"") }
    return end - start >= Self.minimumToken ? start..<end : nil
  }

  /// PostgreSQL's stored form of a SCRAM password.
  func scramVerifier(at index: Int) -> Range<Int>? {
    guard matches("SCRAM-SHA-256$", at: index, foldingCase: false) else { return nil }
    return index..<run(from: index) { $0 > 0x20 && $0 != UInt8(ascii: "'") }
  }

  /// `name=value`, `name='value with spaces'` or `"name": "value"`: the value.
  func named(at index: Int) -> Range<Int>? {
    guard !isWordByte(at: index - 1) || byte(at: index - 1) == UInt8(ascii: "_") else {
      return nil
    }
    guard let name = Self.names.first(where: { matches($0, at: index) }) else { return nil }
    var position = index + name.count
    let isQuotedName = byte(at: position) == UInt8(ascii: "\"")
    if isQuotedName { position += 1 }
    position = run(from: position) { $0 == UInt8(ascii: " ") }
    let separator = byte(at: position)
    guard separator == UInt8(ascii: "=") || isQuotedName && separator == UInt8(ascii: ":") else {
      return nil
    }
    position = run(from: position + 1) { $0 == UInt8(ascii: " ") }
    let quote = byte(at: position)
    if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
      let end = endOfQuoted(from: position + 1, quote: quote)
      return position + 1 < end ? position + 1..<end : nil
    }
    let end = run(from: position) {
      $0 > 0x20 && $0 != UInt8(ascii: "&") && $0 != UInt8(ascii: ",")
    }
    return position < end ? position..<end : nil
  }

  /// `://user:password@`: what stands between the first colon and the last `@` of the authority
  /// (RFC 3986 section 3.2.1). A user alone is no secret.
  func userInfo(at index: Int) -> Range<Int>? {
    guard matches("://", at: index, foldingCase: false) else { return nil }
    let start = index + 3
    let end = run(from: start) { byte in
      byte > 0x20 && !"/?#\"'<>".utf8.contains(byte)
    }
    guard let at = bytes[start..<end].lastIndex(of: UInt8(ascii: "@")),
      let colon = bytes[start..<at].firstIndex(of: UInt8(ascii: ":")), colon + 1 < at
    else { return nil }
    return colon + 1..<at
  }

  /// A PEM private key, from its first line to its last; to the text's end when it is cut.
  func privateKey(at index: Int) -> Range<Int>? {
    guard matches("-----BEGIN ", at: index, foldingCase: false) else { return nil }
    let label = run(from: index + 11) { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "\n") }
    guard index + 11 <= label,
      String(decoding: bytes[index + 11..<label], as: UTF8.self).hasSuffix("PRIVATE KEY")
    else { return nil }
    var position = label
    while position < bytes.count {
      if matches("-----END ", at: position, foldingCase: false) {
        let afterLabel = run(from: position + 9) { $0 != UInt8(ascii: "-") }
        return index..<run(from: afterLabel) { $0 == UInt8(ascii: "-") }
      }
      position += 1
    }
    return index..<bytes.count
  }

  private func endOfQuoted(from start: Int, quote: UInt8?) -> Int {
    var position = start
    while let byte = byte(at: position), byte != quote {
      position += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(position, bytes.count)
  }

  private func byte(at index: Int) -> UInt8? {
    index >= 0 && index < bytes.count ? bytes[index] : nil
  }

  private func run(from start: Int, while belongs: (UInt8) -> Bool) -> Int {
    var position = min(start, bytes.count)
    while position < bytes.count, belongs(bytes[position]) { position += 1 }
    return position
  }

  private func matches(_ text: StaticString, at index: Int, foldingCase: Bool) -> Bool {
    guard index + text.utf8CodeUnitCount <= bytes.count else { return false }
    for offset in 0..<text.utf8CodeUnitCount {
      let found = foldingCase ? lowered(bytes[index + offset]) : bytes[index + offset]
      if found != text.utf8Start[offset] { return false }
    }
    return true
  }

  private func matches(_ name: [UInt8], at index: Int) -> Bool {
    guard index + name.count <= bytes.count else { return false }
    return name.indices.allSatisfy { lowered(bytes[index + $0]) == name[$0] }
  }

  private func lowered(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private func isTokenByte(at index: Int) -> Bool { byte(at: index).map(isTokenByte) ?? false }

  private func isWordByte(at index: Int) -> Bool {
    byte(at: index).map { isTokenByte($0) && $0 != UInt8(ascii: "-") } ?? false
  }
}
