import Foundation
import SwiftASN1
import X509

/// A host as it stands in a certificate: a DNS name or an address.
enum HostName {
  /// - Throws: ``IdentityError`` `name` when it is neither.
  static func generalName(_ text: String) throws(IdentityError) -> GeneralName {
    if let address = bytes(ofAddress: text) {
      return .ipAddress(ASN1OctetString(contentBytes: address[...]))
    }
    guard isDNSName(text) else {
      throw IdentityError(
        code: .name,
        message: "\"\(text.prefix(300))\" is neither a DNS name nor an IP address: it cannot stand"
          + " in a certificate")
    }
    return .dnsName(text)
  }

  /// The 4 or 16 bytes of an address in text.
  static func bytes(ofAddress text: String) -> [UInt8]? {
    var four = in_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      return withUnsafeBytes(of: &four) { Array($0) }
    }
    var six = in6_addr()
    if inet_pton(AF_INET6, text, &six) == 1 {
      return withUnsafeBytes(of: &six) { Array($0) }
    }
    return nil
  }

  /// The text of an address of 4 or 16 bytes.
  static func text(ofAddress bytes: [UInt8]) -> String? {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = bytes.count == 4 ? AF_INET : AF_INET6
    guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Labels of letters, digits, `-` and `_`, as RFC 1123 section 2.1 and practice have it.
  private static func isDNSName(_ text: String) -> Bool {
    guard (1...253).contains(text.utf8.count) else { return false }
    return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      (1...63).contains(label.utf8.count)
        && label.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
          default: false
          }
        }
    }
  }
}
