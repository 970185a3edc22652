internal import APIModel
import Foundation
internal import GatewayModel

/// What only observed as JSON: an array of `ObservedInfo`, which is also what the API answers with.
enum ObservedText {
  /// `nil` for nothing.
  static func json(_ observed: [ObservedDecision]) -> String? {
    guard !observed.isEmpty else { return nil }
    let infos = observed.map {
      ObservedInfo(
        policy: JSONBText.storable($0.policy), rule: JSONBText.storable($0.rule),
        verdict: JSONBText.storable($0.verdict))
    }
    return (try? JSONEncoder().encode(infos)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// `nil` for nothing.
  static func observed(json: [UInt8]?) -> [ObservedInfo]? {
    json.flatMap { try? JSONDecoder().decode([ObservedInfo].self, from: Data($0)) }
  }
}
