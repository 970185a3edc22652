import Foundation
import GatewayModel
import SignedBundle

/// The envelopes of Tests/Vectors/bundle; its README says how they were made.
enum BundleVectors {
  struct Index: Decodable {
    struct PAE: Decodable {
      var type: String
      var body: String
      var encoded: String
    }
    var policyKey: String
    var policyKeyID: String
    var payloadHashOfV7: String
    var pae: PAE
  }

  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Vectors/bundle")

  static func index() throws -> Index {
    try JSONDecoder().decode(
      Index.self, from: Data(contentsOf: folder.appendingPathComponent("index.json")))
  }

  static func envelope(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appendingPathComponent("\(name).json")))
  }

  static func verifier() throws -> BundleVerifier {
    guard let key = PolicyKey(base64: try index().policyKey) else {
      throw BundleError(code: .malformed, message: "the vector's key")
    }
    return BundleVerifier(
      trustedKeys: [key],
      audience: .init(organisation: "example", segment: "prod-eu"))
  }

  static let duringValidity = WallTime(unixNanoseconds: 1_790_000_100_000_000_000)
}
