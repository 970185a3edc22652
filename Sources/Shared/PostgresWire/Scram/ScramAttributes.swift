import NIOCore

/// Reads the comma-separated `a=value` attributes of a server's message, strictly in order
/// (RFC 5802 section 7).
struct ScramAttributes {
  private var rest: ArraySlice<UInt8>
  private var ended: Bool
  let message: StaticString

  init(_ message: StaticString, _ data: ByteBuffer) throws(ScramError) {
    self.message = message
    rest = ArraySlice(data.readableBytesView)
    ended = false
    // Zero bytes end strings in other programs; the RFC allows none.
    guard !rest.contains(0) else { throw malformed("it contains a zero byte") }
  }

  /// The value of the next attribute, which must be the one named; `nil` where another is next.
  mutating func next(ifNamed name: Unicode.Scalar) throws(ScramError) -> ArraySlice<UInt8>? {
    guard !ended, rest.first == UInt8(ascii: name) else { return nil }
    guard rest.dropFirst().first == UInt8(ascii: "=") else {
      throw malformed("the attribute '\(name)' is not followed by '='")
    }
    let body = rest.dropFirst(2)
    let value = body.prefix { $0 != UInt8(ascii: ",") }
    rest = body.dropFirst(value.count)
    if rest.isEmpty {
      ended = true
    } else {
      rest = rest.dropFirst()
    }
    return value
  }

  mutating func next(named name: Unicode.Scalar) throws(ScramError) -> ArraySlice<UInt8> {
    guard let value = try next(ifNamed: name) else {
      throw malformed("the attribute '\(name)' is missing")
    }
    return value
  }

  /// Skips optional extensions; each must at least be an attribute.
  mutating func skipExtensions() throws(ScramError) {
    while !ended {
      guard let name = rest.first, isLetter(name) else {
        throw malformed("an extension has no name")
      }
      _ = try next(named: Unicode.Scalar(name))
    }
  }

  func malformed(_ what: String) -> ScramError {
    ScramError(
      .malformed,
      "cannot log in: the server's \(message) is not SCRAM (\(what)); check that the address is a "
        + "PostgreSQL server")
  }

  private func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }
}
