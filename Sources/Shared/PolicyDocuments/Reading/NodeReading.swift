internal import PolicyEngine

/// What is gathered while nodes become values: every problem, not only the first.
final class NodeReading {
  private(set) var diagnostics: [Diagnostic] = []

  /// The most values of one list.
  static let maximumItems = 1000

  func refuse(_ place: SourcePlace, _ message: String, remedy: String) {
    diagnostics.append(Diagnostic(.error, place, message, remedy: remedy))
  }

  var hasErrors: Bool { !diagnostics.isEmpty }

  /// The entries of a mapping by key; unknown keys, and keys without a value, are told and left out.
  ///
  /// - Parameter what: Of what it is the mapping: `a grant`.
  func keys(_ node: YAMLNode, _ known: [String], of what: String) -> [String: YAMLNode.Entry]? {
    guard case .map(let entries) = node.content else {
      refuse(
        node.place, "\(what) is \(node.excerpt)",
        remedy: "write a mapping with keys such as \(known.prefix(4).joined(separator: ", "))")
      return nil
    }
    var byKey: [String: YAMLNode.Entry] = [:]
    for entry in entries {
      if !known.contains(entry.key) {
        refuse(
          entry.place, "\(what) has the unknown key \(YAMLNode.quoted(entry.key))",
          remedy: Suggestion.remedy(entry.key, known))
      } else if entry.value.isNull {
        refuse(
          entry.place, "the key \"\(entry.key)\" of \(what) has no value",
          remedy: "write one, or leave the key out")
      } else {
        byKey[entry.key] = entry
      }
    }
    if entries.isEmpty {
      refuse(
        node.place, "\(what) is empty",
        remedy: "write keys such as \(known.prefix(4).joined(separator: ", "))")
      return nil
    }
    return byKey
  }

  /// Tells that a key is missing.
  func missing(_ key: String, of what: String, at place: SourcePlace, _ example: String) {
    refuse(place, "\(what) has no \"\(key)\"", remedy: "add one, such as \(example)")
  }

  func text(_ entry: YAMLNode.Entry?, maximumBytes: Int = 500) -> String? {
    guard let entry else { return nil }
    guard case .scalar(let text, _) = entry.value.content else {
      refuse(
        entry.value.place, "\"\(entry.key)\" is \(entry.value.excerpt)", remedy: "write one text")
      return nil
    }
    guard text.utf8.count <= maximumBytes else {
      refuse(
        entry.value.place, "\"\(entry.key)\" has \(text.utf8.count) bytes",
        remedy: "write at most \(maximumBytes)")
      return nil
    }
    guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
    else {
      refuse(
        entry.value.place, "\"\(entry.key)\" is \(entry.value.excerpt)",
        remedy: "write a text of one line without control characters")
      return nil
    }
    return text
  }

  /// A name of a policy, grant or rule.
  func name(_ entry: YAMLNode.Entry?) -> String? {
    guard let entry, let text = text(entry) else { return nil }
    let isFirst = text.utf8.first.map {
      Self.isNameByte($0) && $0 != 0x2D && $0 != 0x2E && $0 != 0x5F
    }
    guard text.utf8.count <= 63, text.utf8.allSatisfy(Self.isNameByte), isFirst == true else {
      refuse(
        entry.value.place, "the name \(entry.value.excerpt) is not one",
        remedy: """
          write 1 to 63 lower-case letters, digits, ".", "_" and "-", a letter or digit first
          """)
      return nil
    }
    return text
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
      || byte == 0x2D || byte == 0x2E || byte == 0x5F
  }

  func flag(_ entry: YAMLNode.Entry?) -> Bool? {
    guard let entry else { return nil }
    if case .scalar(let text, isPlain: true) = entry.value.content {
      if text == "true" { return true }
      if text == "false" { return false }
    }
    refuse(
      entry.value.place, "\"\(entry.key)\" is \(entry.value.excerpt)",
      remedy: "write true or false")
    return nil
  }

  func count(_ entry: YAMLNode.Entry?, _ range: ClosedRange<Int> = 1...Int(Int32.max)) -> Int? {
    guard let entry else { return nil }
    if case .scalar(let text, isPlain: true) = entry.value.content,
      text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(text),
      range.contains(count)
    {
      return count
    }
    refuse(
      entry.value.place, "\"\(entry.key)\" is \(entry.value.excerpt)",
      remedy: "write a whole number from \(range.lowerBound) to \(range.upperBound)")
    return nil
  }

  /// One of a few words.
  func word<Word: RawRepresentable & CaseIterable>(
    _ entry: YAMLNode.Entry?, _ type: Word.Type
  ) -> Word? where Word.RawValue == String {
    guard let entry, let text = text(entry) else { return nil }
    return word(text, entry.value.place, entry.key)
  }

  func words<Word: RawRepresentable & CaseIterable>(
    _ entry: YAMLNode.Entry?, _ type: Word.Type
  ) -> [Word] where Word.RawValue == String {
    items(entry).compactMap { word($0.text, $0.place, entry?.key ?? "") }
  }

  private func word<Word: RawRepresentable & CaseIterable>(
    _ text: String, _ place: SourcePlace, _ key: String
  ) -> Word? where Word.RawValue == String {
    if let word = Word(rawValue: text) { return word }
    refuse(
      place, "\"\(key)\" has the unknown value \(YAMLNode.quoted(text))",
      remedy: Suggestion.remedy(text, Word.allCases.map(\.rawValue)))
    return nil
  }

  func value<Value: PolicyText>(_ entry: YAMLNode.Entry?, _ type: Value.Type) -> Value? {
    guard let entry, let text = text(entry) else { return nil }
    return value(text, entry.value.place)
  }

  func values<Value: PolicyText>(_ entry: YAMLNode.Entry?, _ type: Value.Type) -> [Value] {
    items(entry).compactMap { value($0.text, $0.place) }
  }

  func value<Value: PolicyText>(_ text: String, _ place: SourcePlace) -> Value? {
    do throws(PatternFailure) {
      return try Value(text: text)
    } catch {
      refuse(place, error.message, remedy: error.remedy)
      return nil
    }
  }

  /// The texts of a list; one text stands for a list of one. Values that stand twice are told.
  func items(_ entry: YAMLNode.Entry?) -> [(text: String, place: SourcePlace)] {
    guard let entry else { return [] }
    let nodes: [YAMLNode]
    switch entry.value.content {
    case .list(let items): nodes = items
    case .scalar: nodes = [entry.value]
    case .map:
      refuse(
        entry.value.place, "\"\(entry.key)\" is \(entry.value.excerpt)",
        remedy: "write a list, such as [a, b]")
      return []
    }
    guard !nodes.isEmpty, nodes.count <= Self.maximumItems else {
      refuse(
        entry.value.place, "\"\(entry.key)\" is a list of \(nodes.count)",
        remedy: nodes.isEmpty
          ? "write a value, or leave the key out" : "write at most \(Self.maximumItems) values")
      return []
    }
    var seen: Set<String> = []
    return nodes.compactMap { node in
      guard case .scalar(let text, _) = node.content, !node.isNull else {
        refuse(
          node.place, "a value of \"\(entry.key)\" is \(node.isNull ? "nothing" : node.excerpt)",
          remedy: "write a text")
        return nil
      }
      guard seen.insert(text).inserted else {
        refuse(
          node.place, "\"\(entry.key)\" has \(YAMLNode.quoted(text)) twice",
          remedy: "leave one out")
        return nil
      }
      return (text, node.place)
    }
  }
}
