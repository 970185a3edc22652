internal import APIModel
internal import AuditLog
import Foundation

/// Bound parameters as JSON: an array of `ParameterInfo`, which is also what the API answers with.
enum ParameterText {
  /// `nil` for no parameters.
  static func json(_ parameters: [BoundParameter]) -> String? {
    guard !parameters.isEmpty else { return nil }
    let infos = parameters.map { parameter in
      switch parameter.value {
      case .null: ParameterInfo(typeOID: Int(parameter.typeOID), text: nil, binary: nil)
      case .text(let text):
        ParameterInfo(
          typeOID: Int(parameter.typeOID), text: JSONBText.storable(text), binary: nil)
      case .binary(let bytes):
        ParameterInfo(
          typeOID: Int(parameter.typeOID), text: nil,
          binary: Data(bytes).base64EncodedString())
      }
    }
    return (try? JSONEncoder().encode(infos)).map { String(decoding: $0, as: UTF8.self) }
  }

  static func parameters(json: [UInt8]?) -> [ParameterInfo] {
    guard let json else { return [] }
    return (try? JSONDecoder().decode([ParameterInfo].self, from: Data(json))) ?? []
  }
}

/// Texts in jsonb values.
enum JSONBText {
  /// `text` with each zero character as U+FFFD: jsonb has none, neither plain nor escaped.
  static func storable(_ text: String) -> String {
    guard text.utf8.contains(0) else { return text }
    return text.replacingOccurrences(of: "\u{0}", with: "\u{FFFD}")
  }
}
