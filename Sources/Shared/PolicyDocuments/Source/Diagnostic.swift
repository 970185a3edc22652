/// A text and where it comes from.
package struct SourceFile: Hashable, Sendable {
  /// As people know it; it is told in diagnostics and never opened.
  package var path: String
  package var text: String

  package init(path: String, text: String) {
    self.path = path
    self.text = text
  }
}

/// A place in a file; lines and columns count from 1.
package struct SourcePlace: Hashable, Sendable, CustomStringConvertible {
  package var file: String
  package var line: Int
  package var column: Int

  package init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  package var description: String { "\(file):\(line):\(column)" }
}

/// Something that is wrong with a file, where, and what to do.
package struct Diagnostic: Hashable, Sendable, CustomStringConvertible {
  package enum Severity: String, Hashable, Sendable, Codable, CaseIterable {
    /// The documents are not to be used.
    case error
    /// They mean something, and probably not what was meant.
    case warning
  }

  package var severity: Severity
  package var place: SourcePlace
  /// What is wrong, with the value quoted.
  package var message: String
  /// What to do.
  package var remedy: String

  package init(_ severity: Severity, _ place: SourcePlace, _ message: String, remedy: String) {
    self.severity = severity
    self.place = place
    self.message = message
    self.remedy = remedy
  }

  package var description: String {
    "\(place): \(severity.rawValue): \(message); \(remedy)"
  }
}
