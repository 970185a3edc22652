/// Takes secrets of known shapes out of text.
///
/// Shapes: JSON web tokens (`eyJ….….`), the project's own tokens (`spj_…`, `spa_…` and their like:
/// `sp`, a letter, `_`), `password=…` and its like (also as a JSON member), `Bearer …`, SCRAM
/// verifiers (`SCRAM-SHA-256$…`), the user info of URLs, and PEM private keys.
package enum Redaction {
  package static let mark = "<redacted>"

  /// `text` with each secret replaced by ``mark``; the same text when there is none.
  package static func redacted(_ text: String) -> String {
    var text = text
    return text.withUTF8 { bytes in
      let spans = secretSpans(in: bytes)
      guard !spans.isEmpty else { return nil as String? }
      var kept: [UInt8] = []
      kept.reserveCapacity(bytes.count)
      var position = 0
      for span in spans {
        kept.append(contentsOf: bytes[position..<span.lowerBound])
        kept.append(contentsOf: mark.utf8)
        position = span.upperBound
      }
      kept.append(contentsOf: bytes[position...])
      return String(decoding: kept, as: UTF8.self)
    } ?? text
  }

  /// Where secrets stand, in order and apart from each other.
  private static func secretSpans(in bytes: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
    var spans: [Range<Int>] = []
    var position = 0
    while position < bytes.count {
      if let span = secret(at: position, in: bytes) {
        spans.append(span)
        position = max(span.upperBound, position + 1)
      } else {
        position += 1
      }
    }
    return spans
  }

  private static func secret(at index: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
    let text = SecretScanner(bytes: bytes)
    // The first byte decides which shapes are possible, so that ordinary text costs one look.
    switch bytes[index] | 0x20 {
    case UInt8(ascii: "e"): return text.webToken(at: index)
    case UInt8(ascii: "s"):
      return text.ownToken(at: index) ?? text.scramVerifier(at: index) ?? text.named(at: index)
    case UInt8(ascii: "b"): return text.bearer(at: index)
    case UInt8(ascii: "p"), UInt8(ascii: "t"), UInt8(ascii: "a"): return text.named(at: index)
    case UInt8(ascii: ":"): return text.userInfo(at: index)
    case UInt8(ascii: "-"): return text.privateKey(at: index)
    default: return nil
    }
  }
}
