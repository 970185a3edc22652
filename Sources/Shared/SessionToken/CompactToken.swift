import Foundation

/// A JWT in its compact form (RFC 7515 section 3.1), split into its three parts.
struct CompactToken {
  /// What may stand in the header; a header with anything else is refused, `crit` and embedded
  /// keys among it (RFC 7515 section 4.1.11, RFC 8725 section 3).
  struct Header: Decodable {
    var alg: String
    var kid: String
    var typ: String?
  }

  private static let allowedHeaderKeys: Set<String> = ["alg", "kid", "typ"]

  /// `<header>.<payload>`, which the signature covers.
  let signedBytes: [UInt8]
  let signature: [UInt8]
  private let headerJSON: [UInt8]
  private let payloadJSON: [UInt8]

  init(_ bytes: [UInt8]) throws(TokenError) {
    guard bytes.count <= TokenVerifier.maximumBytes else {
      throw TokenError(
        code: .malformed,
        message: "it is \(bytes.count) bytes, over the limit of \(TokenVerifier.maximumBytes)")
    }
    let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3 else {
      throw TokenError(
        code: .malformed,
        message: "it is not a JWT: give the token that `sallyport tokens issue` printed")
    }
    guard let header = Self.decode(parts[0]), let payload = Self.decode(parts[1]),
      let signature = Self.decode(parts[2])
    else { throw TokenError(code: .malformed, message: "a part of it is not base64url") }
    headerJSON = header
    payloadJSON = payload
    self.signature = signature
    signedBytes = Array(bytes.prefix(parts[0].count + 1 + parts[1].count))
  }

  func header() throws(TokenError) -> Header {
    let keys = try topLevelKeys(headerJSON, part: "header")
    guard keys.isSubset(of: Self.allowedHeaderKeys) else {
      let extra = keys.subtracting(Self.allowedHeaderKeys).sorted().prefix(4)
      throw TokenError(
        code: .malformed,
        message: "its header has keys that are not understood: "
          + extra.map { "\"\($0.prefix(40))\"" }.joined(separator: ", "))
    }
    return try decoded(Header.self, from: headerJSON, part: "header")
  }

  /// To be called only when the signature is found good.
  func claims() throws(TokenError) -> SessionClaims {
    _ = try topLevelKeys(payloadJSON, part: "payload")
    return try decoded(SessionClaims.self, from: payloadJSON, part: "payload")
  }

  private func topLevelKeys(_ json: [UInt8], part: String) throws(TokenError) -> Set<String> {
    var scan = JSONKeyScan(json, maximumNesting: TokenVerifier.maximumNesting)
    switch scan.run() {
    case .keys(let keys): return keys
    case .duplicate(let key):
      throw TokenError(
        code: .malformed, message: "its \(part) has \"\(key.prefix(40))\" more than once")
    case .tooDeep:
      throw TokenError(code: .malformed, message: "its \(part) is nested too deep")
    case .notAnObject:
      throw TokenError(code: .malformed, message: "its \(part) is not a JSON object")
    }
  }

  private func decoded<Form: Decodable>(
    _ form: Form.Type, from json: [UInt8], part: String
  ) throws(TokenError) -> Form {
    do {
      return try JSONDecoder().decode(form, from: Data(json))
    } catch DecodingError.keyNotFound(let key, _) {
      throw TokenError(
        code: .malformed, message: "its \(part) has no \"\(key.stringValue)\"")
    } catch DecodingError.typeMismatch(_, let context) {
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw TokenError(
        code: .malformed, message: "\"\(path.prefix(100))\" in its \(part) has the wrong type")
    } catch {
      throw TokenError(code: .malformed, message: "its \(part) cannot be read as JSON")
    }
  }

  /// Base64url without padding (RFC 7515 section 2); `nil` when it is not.
  private static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var base64: [UInt8] = []
    base64.reserveCapacity(text.count + 3)
    for byte in text {
      switch byte {
      case UInt8(ascii: "-"): base64.append(UInt8(ascii: "+"))
      case UInt8(ascii: "_"): base64.append(UInt8(ascii: "/"))
      case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
      default: base64.append(byte)
      }
    }
    while base64.count % 4 != 0 { base64.append(UInt8(ascii: "=")) }
    return Data(base64Encoded: Data(base64)).map(Array.init)
  }
}
