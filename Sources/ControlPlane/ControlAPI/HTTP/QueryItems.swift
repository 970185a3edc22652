internal import ControlCore
import Foundation

/// The query of a URL: every parameter known to the route, and given once unless it is repeatable.
struct QueryItems: Sendable, Equatable {
  private let values: [String: [String]]

  /// - Parameters:
  ///   - query: What stands behind `?`, not decoded.
  ///   - known: The parameters that the route takes.
  ///   - repeatable: Those of them that may stand there several times.
  /// - Throws: `invalid` that names the first parameter that is unknown, repeated or undecodable.
  init(_ query: String?, known: [String], repeatable: [String] = []) throws(ControlError) {
    var values: [String: [String]] = [:]
    for item in (query ?? "").split(separator: "&") {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decoded(parts[0]), let value = Self.decoded(parts.dropFirst().first)
      else {
        throw ControlError(
          .invalid, "The query parameter \"\(item.prefix(100))\" is not percent-encoded UTF-8.",
          remedy: "Encode it as RFC 3986 says.")
      }
      guard known.contains(name) else {
        let takes =
          known.isEmpty ? "no parameters" : known.map { "\"\($0)\"" }.joined(separator: ", ")
        throw ControlError(
          .invalid, "Unknown query parameter \"\(name.prefix(100))\".",
          remedy: "This route takes \(takes).")
      }
      guard values[name] == nil || repeatable.contains(name) else {
        throw ControlError(
          .invalid, "The query parameter \"\(name)\" stands there twice.", remedy: "Give it once.")
      }
      values[name, default: []].append(value)
    }
    self.values = values
  }

  /// `nil` when it was not given or is empty.
  subscript(_ name: String) -> String? {
    values[name]?.first.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// All values of a parameter in their order, but for empty ones.
  func all(_ name: String) -> [String] { (values[name] ?? []).filter { !$0.isEmpty } }

  /// - Throws: `invalid` when it was given and is not a whole number.
  func number(_ name: String) throws(ControlError) -> Int? {
    guard let text = self[name] else { return nil }
    guard let number = Int(text) else {
      throw ControlError(
        .invalid, "The query parameter \"\(name)\" is \"\(text.prefix(100))\".",
        remedy: "Give a whole number.")
    }
    return number
  }

  /// `application/x-www-form-urlencoded` (WHATWG URL section 5.1): `+` is a space.
  private static func decoded(_ text: Substring?) -> String? {
    (text ?? "").replacing("+", with: " ").removingPercentEncoding
  }
}
