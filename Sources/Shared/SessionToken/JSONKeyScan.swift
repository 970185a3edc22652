/// Finds the keys of an object and whether any object in it names one twice, which a JSON decoder
/// passes over silently and two readers may then take differently (RFC 7519 section 4).
///
/// It only splits the text into strings, brackets and the rest; whether it is JSON at all is for
/// the decoder that reads it afterwards. A key with an escape in it counts as a duplicate, since
/// it may spell another one differently and no claim needs it.
struct JSONKeyScan {
  enum Outcome: Equatable {
    /// The keys of the outermost object.
    case keys(Set<String>)
    case duplicate(String)
    case tooDeep
    case notAnObject
  }

  private let bytes: [UInt8]
  private let maximumNesting: Int
  private var position = 0
  /// The keys seen in each open bracket, outermost first; `nil` for an array.
  private var open: [Set<String>?] = []

  init(_ bytes: [UInt8], maximumNesting: Int) {
    self.bytes = bytes
    self.maximumNesting = maximumNesting
  }

  mutating func run() -> Outcome {
    var outermost: Set<String> = []
    while let byte = next() {
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard open.count < maximumNesting else { return .tooDeep }
        if open.isEmpty, byte == UInt8(ascii: "[") { return .notAnObject }
        open.append(byte == UInt8(ascii: "{") ? [] : nil)
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard let keys = open.popLast() else { return .notAnObject }
        if open.isEmpty { outermost = keys ?? [] }
      case UInt8(ascii: "\""):
        let (text, escaped) = string()
        guard isKey() else { continue }
        if escaped { return .duplicate(text) }
        guard var keys = open.popLast() ?? nil else { return .notAnObject }
        guard keys.insert(text).inserted else { return .duplicate(text) }
        open.append(keys)
      // The decoder would also take UTF-16 and UTF-32, which this scan cannot see through; both
      // have zero bytes, JSON in UTF-8 has none.
      case 0: return .notAnObject
      default: continue
      }
    }
    return open.isEmpty ? .keys(outermost) : .notAnObject
  }

  private mutating func next() -> UInt8? {
    guard position < bytes.count else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  /// Reads on to the closing quote.
  private mutating func string() -> (text: String, escaped: Bool) {
    let start = position
    var escaped = false
    while let byte = next() {
      if byte == UInt8(ascii: "\\") {
        escaped = true
        _ = next()
      } else if byte == UInt8(ascii: "\"") {
        return (String(decoding: bytes[start..<(position - 1)], as: UTF8.self), escaped)
      }
    }
    return (String(decoding: bytes[start...], as: UTF8.self), escaped)
  }

  /// Whether a colon follows, which only a key has.
  private func isKey() -> Bool {
    var ahead = position
    while ahead < bytes.count {
      switch bytes[ahead] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        ahead += 1
      default: return bytes[ahead] == UInt8(ascii: ":")
      }
    }
    return false
  }
}
