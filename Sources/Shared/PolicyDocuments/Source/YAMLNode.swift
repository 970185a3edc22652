/// A value of a YAML file with its place. There are no aliases, anchors and tags.
struct YAMLNode {
  enum Content {
    /// - Parameter isPlain: Whether it stands without quotes.
    case scalar(String, isPlain: Bool)
    case list([YAMLNode])
    case map([Entry])
  }

  /// A key and its value.
  struct Entry {
    var key: String
    var place: SourcePlace
    var value: YAMLNode
  }

  var content: Content
  var place: SourcePlace

  /// Whether it says that there is nothing.
  var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// What sort of value it is, in words.
  var sort: String {
    switch content {
    case .scalar: isNull ? "nothing" : "a text"
    case .list: "a list"
    case .map: "a mapping"
    }
  }

  /// The value in short, to be quoted.
  var excerpt: String {
    switch content {
    case .scalar(let text, _): Self.quoted(text)
    case .list(let items): "a list of \(items.count)"
    case .map(let entries): "a mapping with \(entries.count) keys"
    }
  }

  /// One line, bounded, with its control characters escaped.
  static func quoted(_ text: String) -> String {
    let short = text.count > 48 ? "\(text.prefix(47))…" : text
    let isPlain = short.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    return isPlain ? "\"\(short)\"" : short.debugDescription
  }
}
