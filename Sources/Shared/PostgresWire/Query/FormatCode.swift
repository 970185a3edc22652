/// How a value is written: as text or in its type's binary form.
package struct FormatCode: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int16

  package init(rawValue: Int16) { self.rawValue = rawValue }

  package static let text = FormatCode(rawValue: 0)
  package static let binary = FormatCode(rawValue: 1)

  /// The format of the value at `index` under a message's list of formats: an empty list means
  /// text, one entry holds for all; `nil` where the list is too short.
  package static func of(_ index: Int, in formats: [FormatCode]) -> FormatCode? {
    switch formats.count {
    case 0: .text
    case 1: formats[0]
    default: formats.indices.contains(index) ? formats[index] : nil
    }
  }
}
