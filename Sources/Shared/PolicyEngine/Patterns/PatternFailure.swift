/// Why a text is not a value of the policy language, and what to write instead.
package struct PatternFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, with the value quoted.
  package var message: String
  /// What to do.
  package var remedy: String

  package init(_ message: String, remedy: String) {
    self.message = message
    self.remedy = remedy
  }

  package var description: String { "\(message): \(remedy)" }
}

/// A value that policies write as one text, in YAML as in JSON.
package protocol PolicyText: Hashable, Sendable, Codable, CustomStringConvertible {
  /// - Throws: ``PatternFailure``.
  init(text: String) throws(PatternFailure)
}

extension PolicyText {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    do throws(PatternFailure) {
      try self.init(text: text)
    } catch {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(error)")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
