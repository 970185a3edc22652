package import Crypto
package import GatewayModel

/// Which keys an organisation's agents trust, at one version.
///
/// Versions form a chain: each is signed by enough root keys of the version before it and by enough
/// of its own, so that an agent which trusts one version can follow to any later one. The idea is
/// that of The Update Framework's root role (specification, section 5.3).
package struct RootDocument: Hashable, Sendable {
  package var organisation: String
  /// The first is 1, the next one more.
  package var version: UInt64
  package var issuedAt: WallTime
  /// May sign the next root document, ``rootThreshold`` of them together.
  package var rootKeys: [PolicyKey]
  package var rootThreshold: Int
  /// May sign bundles, ``policyThreshold`` of them together.
  package var policyKeys: [PolicyKey]
  package var policyThreshold: Int
  /// Each may sign leases.
  package var leaseKeys: [PolicyKey]

  /// - Parameter issuedAt: Cut to whole seconds.
  package init(
    organisation: String, version: UInt64, issuedAt: WallTime, rootKeys: [PolicyKey],
    rootThreshold: Int = 1, policyKeys: [PolicyKey], policyThreshold: Int = 1,
    leaseKeys: [PolicyKey]
  ) {
    self.organisation = organisation
    self.version = version
    self.issuedAt = UnixSeconds.wallTime(UnixSeconds.seconds(issuedAt))
    self.rootKeys = rootKeys
    self.rootThreshold = rootThreshold
    self.policyKeys = policyKeys
    self.policyThreshold = policyThreshold
    self.leaseKeys = leaseKeys
  }

  /// What an agent trusts that enrolled before there were root documents: version 0, of which the
  /// policy keys of its enrolment may sign the first document.
  package static func implied(organisation: String, policyKeys: [PolicyKey]) -> RootDocument {
    RootDocument(
      organisation: organisation, version: 0, issuedAt: WallTime(unixNanoseconds: 0),
      rootKeys: policyKeys, policyKeys: policyKeys, leaseKeys: [])
  }

  /// The most keys of one kind.
  package static let maximumKeys = 8

  /// Whether the document can be lived by: a threshold that its keys reach, and a key of each kind.
  var flaw: String? {
    func flaw(_ keys: [PolicyKey], _ threshold: Int, _ name: String) -> String? {
      guard (1...Self.maximumKeys).contains(keys.count), Set(keys).count == keys.count else {
        return "it names \(keys.count) \(name) keys: name 1 to \(Self.maximumKeys), each once"
      }
      guard (1...keys.count).contains(threshold) else {
        return "\(threshold) of \(keys.count) \(name) keys cannot sign: lower the threshold"
      }
      return nil
    }
    guard version > 0 else { return "its version is 0: the first is 1" }
    return flaw(rootKeys, rootThreshold, "root") ?? flaw(policyKeys, policyThreshold, "policy")
      ?? flaw(leaseKeys, 1, "lease")
  }
}

extension RootDocument: Codable {
  private enum CodingKeys: String, CodingKey {
    case organisation, version, issuedAtUnixSeconds, rootKeys, rootThreshold, policyKeys
    case policyThreshold, leaseKeys
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    func keys(_ field: CodingKeys) throws -> [PolicyKey] {
      try fields.decode([String].self, forKey: field).map {
        guard let key = PolicyKey(base64: $0) else {
          throw DecodingError.dataCorruptedError(
            forKey: field, in: fields, debugDescription: "it is not an Ed25519 key in base64")
        }
        return key
      }
    }
    organisation = try fields.decode(String.self, forKey: .organisation)
    version = try fields.decode(UInt64.self, forKey: .version)
    issuedAt = UnixSeconds.wallTime(try fields.decode(Int64.self, forKey: .issuedAtUnixSeconds))
    rootKeys = try keys(.rootKeys)
    rootThreshold = try fields.decode(Int.self, forKey: .rootThreshold)
    policyKeys = try keys(.policyKeys)
    policyThreshold = try fields.decode(Int.self, forKey: .policyThreshold)
    leaseKeys = try keys(.leaseKeys)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(organisation, forKey: .organisation)
    try fields.encode(version, forKey: .version)
    try fields.encode(UnixSeconds.seconds(issuedAt), forKey: .issuedAtUnixSeconds)
    try fields.encode(rootKeys.map(\.base64), forKey: .rootKeys)
    try fields.encode(rootThreshold, forKey: .rootThreshold)
    try fields.encode(policyKeys.map(\.base64), forKey: .policyKeys)
    try fields.encode(policyThreshold, forKey: .policyThreshold)
    try fields.encode(leaseKeys.map(\.base64), forKey: .leaseKeys)
  }
}

/// A root document with the envelope that vouches for it.
package struct SignedRoot: Hashable, Sendable {
  package let document: RootDocument
  /// The DSSE envelope, byte for byte.
  package let envelope: [UInt8]
}

extension RootDocument {
  /// Signs it with each key: those of the version before it and its own, each once.
  ///
  /// - Throws: ``BundleError`` `malformed` for a document that nobody could live by.
  package func signed(
    by keys: [Curve25519.Signing.PrivateKey]
  ) throws(BundleError) -> SignedRoot {
    if let flaw {
      throw BundleError(code: .malformed, message: "signing root version \(version): \(flaw)")
    }
    let (_, bytes) = try SignedDocument.make(self, type: Envelope.rootType, keys: keys)
    return SignedRoot(document: self, envelope: bytes)
  }
}
