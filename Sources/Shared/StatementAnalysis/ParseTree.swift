/// A parse tree as libpg_query writes it in JSON, in one flat list of nodes.
///
/// Nothing here recurses: how deep a text nests costs memory in proportion and no stack.
struct ParseTree {
  enum Kind { case object, array, string, other }

  struct Node {
    /// The index of the node that holds this one; -1 for the root.
    var parent: Int
    /// The bytes of the key; empty in arrays.
    var key: Range<Int>
    var kind: Kind
    /// The bytes of a string's or another scalar's text, without quotes.
    var value: Range<Int>
    /// The index behind the last node below this one.
    var end: Int
  }

  private let bytes: [UInt8]
  private(set) var nodes: [Node] = []

  /// `nil` when the text is not whole.
  init?(json bytes: [UInt8]) {
    self.bytes = bytes
    guard read() else { return nil }
  }

  private mutating func read() -> Bool {
    var open: [Int] = []
    var key = 0..<0
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: ","), UInt8(ascii: ":"):
        index += 1
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        let kind: Kind = byte == UInt8(ascii: "{") ? .object : .array
        append(kind, key, 0..<0, in: open.last)
        open.append(nodes.count - 1)
        key = 0..<0
        index += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard let container = open.popLast() else { return false }
        nodes[container].end = nodes.count
        index += 1
      case UInt8(ascii: "\""):
        guard let end = endOfString(from: index + 1) else { return false }
        let text = index + 1..<end
        index = end + 1
        // A string before a colon is a key; libpg_query puts nothing between them.
        if index < bytes.count, bytes[index] == UInt8(ascii: ":") {
          key = text
        } else {
          append(.string, key, text, in: open.last)
          key = 0..<0
        }
      default:
        let start = index
        while index < bytes.count, !Self.endsScalar(bytes[index]) { index += 1 }
        append(.other, key, start..<index, in: open.last)
        key = 0..<0
      }
    }
    return open.isEmpty && !nodes.isEmpty
  }

  private static func endsScalar(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
  }

  private mutating func append(
    _ kind: Kind, _ key: Range<Int>, _ value: Range<Int>, in parent: Int?
  ) {
    nodes.append(
      Node(parent: parent ?? -1, key: key, kind: kind, value: value, end: nodes.count + 1))
  }

  private func endOfString(from start: Int) -> Int? {
    var index = start
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""): return index
      case UInt8(ascii: "\\"): index += 2
      default: index += 1
      }
    }
    return nil
  }
}

extension ParseTree {
  /// The nodes directly below one.
  func children(of node: Int) -> [Int] {
    var children: [Int] = []
    var index = node + 1
    while index < nodes[node].end {
      children.append(index)
      index = nodes[index].end
    }
    return children
  }

  /// The node of a key of an object.
  func child(_ key: StaticString, of node: Int) -> Int? {
    var index = node + 1
    while index < nodes[node].end {
      if has(key, index) { return index }
      index = nodes[index].end
    }
    return nil
  }

  /// Whether the node stands under a key; false for what holds the root.
  func has(_ key: StaticString, _ node: Int) -> Bool {
    guard node >= 0 else { return false }
    let range = nodes[node].key
    return range.count == key.utf8CodeUnitCount
      && key.withUTF8Buffer { bytes[range].elementsEqual($0) }
  }

  func key(of node: Int) -> String { String(decoding: bytes[nodes[node].key], as: UTF8.self) }

  /// The text of a string below an object; `nil` where there is none.
  func text(_ key: StaticString, of node: Int) -> String? {
    child(key, of: node).flatMap(text)
  }

  /// Whether an object says true under a key.
  func flag(_ key: StaticString, of node: Int) -> Bool {
    child(key, of: node).map { bytes[nodes[$0].value].elementsEqual("true".utf8) } ?? false
  }

  /// The text of a string node.
  func text(_ node: Int) -> String? {
    guard nodes[node].kind == .string else { return nil }
    let raw = bytes[nodes[node].value]
    guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
    return Self.unescaped(raw)
  }

  /// RFC 8259 section 7; libpg_query escapes quotes, backslashes and control characters alone.
  private static func unescaped(_ raw: ArraySlice<UInt8>) -> String {
    var result: [UInt8] = []
    var index = raw.startIndex
    while index < raw.endIndex {
      let byte = raw[index]
      index += 1
      guard byte == UInt8(ascii: "\\"), index < raw.endIndex else {
        result.append(byte)
        continue
      }
      let escape = raw[index]
      index += 1
      switch escape {
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "u"):
        let digits = String(decoding: raw[index..<min(index + 4, raw.endIndex)], as: UTF8.self)
        let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}"
        result += Array(String(Character(scalar)).utf8)
        index = min(index + 4, raw.endIndex)
      default: result.append(escape)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
