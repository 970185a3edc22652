internal import Foundation
package import PolicyEngine
internal import Yams

/// Writes policies as YAML in one form: the same policy gives the same text.
package enum PolicyWriting {
  /// Documents with `---` between them.
  ///
  /// - Throws: What Yams throws when it has no memory.
  package static func yaml(_ documents: [PolicyDocument]) throws -> String {
    try documents.map(yaml).joined(separator: "---\n")
  }

  private static func yaml(_ document: PolicyDocument) throws -> String {
    let encoder = YAMLEncoder()
    encoder.options.width = -1
    encoder.options.allowUnicode = true
    return try encoder.encode(document)
  }
}
