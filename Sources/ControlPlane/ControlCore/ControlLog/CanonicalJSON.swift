internal import Foundation

/// JSON with the keys in order, so that equal values are equal texts.
enum CanonicalJSON {
  static func text(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Nothing that is recorded has a number that JSON lacks, which is all that could fail.
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}
