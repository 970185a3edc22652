import Crypto
import NIOSSL

/// The certificate authority of a control plane, which vouches for its API and for agents.
struct Authority: Sendable {
  let certificates: [NIOSSLCertificate]
  let pem: String

  init(pem: String, source: String) throws(CLIFailure) {
    guard let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)),
      !certificates.isEmpty
    else {
      throw CLIFailure(
        .configuration, "\(source) holds no certificate in PEM form",
        remedy: "give a file that begins with -----BEGIN CERTIFICATE-----")
    }
    self.certificates = certificates
    self.pem = pem
  }

  /// `sha256:` and 64 hexadecimal digits, of each certificate.
  func fingerprints() throws(CLIFailure) -> [String] {
    var result: [String] = []
    for certificate in certificates {
      guard let der = try? certificate.toDERBytes() else {
        throw CLIFailure(.configuration, "the authority's certificate cannot be read")
      }
      result.append("sha256:" + Self.hexadecimal(SHA256.hash(data: der)))
    }
    return result
  }

  /// Fails unless the authority is exactly the one certificate of this fingerprint.
  func require(fingerprint: Fingerprint) throws(CLIFailure) {
    let own = try fingerprints()
    guard own == [fingerprint.text] else {
      throw CLIFailure(
        .unavailable,
        """
        the control plane shows another authority: \(own.joined(separator: ", ")), \
        not \(fingerprint.text)
        """,
        remedy: """
          compare the fingerprint with what the control plane printed at its start; if that is \
          right, someone stands between you and it
          """)
    }
  }

  private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// A fingerprint as a person gives it: `sha256:` and 64 hexadecimal digits, colons allowed.
struct Fingerprint: Sendable, Equatable {
  /// The form with `sha256:` and lower-case digits.
  let text: String

  init?(_ text: String) {
    var digits = text.lowercased()[...]
    if digits.hasPrefix("sha256:") { digits = digits.dropFirst(7) }
    let plain = digits.filter { $0 != ":" }
    guard plain.utf8.count == 64, plain.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
      return nil
    }
    self.text = "sha256:\(plain)"
  }
}
