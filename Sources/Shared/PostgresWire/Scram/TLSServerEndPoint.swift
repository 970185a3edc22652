import Crypto

/// The channel binding `tls-server-end-point` (RFC 5929 section 4): a hash of the server's
/// certificate.
package enum TLSServerEndPoint {
  /// The hash of a certificate in DER by the hash of its own signature; MD5 and SHA-1 are replaced
  /// by SHA-256.
  ///
  /// `nil` for signatures that name no single hash (Ed25519, RSA-PSS) and for what is not a
  /// certificate: such a channel cannot be bound.
  package static func binding(certificateDER: [UInt8]) -> [UInt8]? {
    guard let algorithm = signatureAlgorithm(certificateDER[...]) else { return nil }
    switch Array(algorithm) {
    case Algorithm.md5RSA, Algorithm.sha1RSA, Algorithm.sha256RSA, Algorithm.sha1ECDSA,
      Algorithm.sha256ECDSA:
      return Array(SHA256.hash(data: certificateDER))
    case Algorithm.sha384RSA, Algorithm.sha384ECDSA:
      return Array(SHA384.hash(data: certificateDER))
    case Algorithm.sha512RSA, Algorithm.sha512ECDSA:
      return Array(SHA512.hash(data: certificateDER))
    default: return nil
    }
  }

  /// Object identifiers as DER writes their content (RFC 3279, RFC 4055, RFC 5758).
  private enum Algorithm {
    private static let rsa: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01]
    private static let ecdsa: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04]
    static let md5RSA = rsa + [4]
    static let sha1RSA = rsa + [5]
    static let sha256RSA = rsa + [11]
    static let sha384RSA = rsa + [12]
    static let sha512RSA = rsa + [13]
    static let sha1ECDSA = ecdsa + [1]
    static let sha256ECDSA = ecdsa + [3, 2]
    static let sha384ECDSA = ecdsa + [3, 3]
    static let sha512ECDSA = ecdsa + [3, 4]
  }

  /// `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID … } … }`
  private static func signatureAlgorithm(_ der: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let sequence: UInt8 = 0x30
    let objectIdentifier: UInt8 = 0x06
    guard let certificate = element(der, tag: sequence),
      let body = element(certificate.content, tag: sequence),
      let algorithm = element(body.rest, tag: sequence),
      let identifier = element(algorithm.content, tag: objectIdentifier)
    else { return nil }
    return identifier.content
  }

  /// Splits one DER element off the front.
  private static func element(
    _ der: ArraySlice<UInt8>, tag: UInt8
  ) -> (content: ArraySlice<UInt8>, rest: ArraySlice<UInt8>)? {
    guard der.first == tag, let short = der.dropFirst().first else { return nil }
    var rest = der.dropFirst(2)
    var length = Int(short)
    if short >= 0x80 {
      let count = Int(short & 0x7F)
      guard (1...4).contains(count), rest.count >= count else { return nil }
      length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(count)
    }
    guard rest.count >= length else { return nil }
    return (rest.prefix(length), rest.dropFirst(length))
  }
}
