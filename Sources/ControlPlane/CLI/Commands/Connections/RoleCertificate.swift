import Foundation
import GatewayModel
import X509

/// A role's client certificate and key, read from PEM texts and found to be usable.
struct RoleCertificate {
  let certificate: ClientCertificate
  /// What may be meant so and may be a mistake, for the person.
  let warnings: [String]

  /// - Parameters:
  ///   - chain: The role's certificate first, then the authorities between; what is no certificate
  ///     is left out.
  ///   - key: One private key; certificates beside it are left out.
  ///   - sources: The names of the two files, for messages. No message holds anything of the key.
  init(
    chain: String, key: String, role: String, sources: (chain: String, key: String), now: Date
  ) throws(CLIFailure) {
    let blocks = PEMBlocks(chain).blocks.filter { $0.label == "CERTIFICATE" }
    guard let first = blocks.first else {
      throw CLIFailure(
        .failed, "\"\(sources.chain)\" holds no certificate in PEM form",
        remedy: "give a file with -----BEGIN CERTIFICATE-----")
    }
    let leaf = try Self.certificate(first, number: 1, source: sources.chain)
    for (index, block) in blocks.enumerated().dropFirst() {
      _ = try Self.certificate(block, number: index + 1, source: sources.chain)
    }
    let keyBlock = try Self.keyBlock(in: key, source: sources.key)
    try Self.check(keyBlock, belongsTo: leaf, sources: sources)
    guard now <= leaf.notValidAfter else {
      throw CLIFailure(
        .failed,
        "the certificate of role \"\(role)\" in \"\(sources.chain)\" expired at"
          + " \(Self.text(leaf.notValidAfter))",
        remedy: "issue a new one and give that")
    }
    certificate = ClientCertificate(
      chainPEM: blocks.map(\.text).joined(), keyPEM: Secret(text: keyBlock.text))
    warnings = Self.warnings(about: leaf, role: role, now: now)
  }

  private static func certificate(
    _ block: PEMBlocks.Block, number: Int, source: String
  ) throws(CLIFailure) -> Certificate {
    do {
      return try Certificate(pemEncoded: block.text)
    } catch {
      throw CLIFailure(
        .failed, "certificate number \(number) in \"\(source)\" cannot be read",
        remedy: "check that the file is whole: openssl x509 -in FILE -noout -text")
    }
  }

  private static func keyBlock(
    in text: String, source: String
  ) throws(CLIFailure) -> PEMBlocks.Block {
    let keys = PEMBlocks(text).blocks.filter { $0.label.hasSuffix("PRIVATE KEY") }
    guard let key = keys.first, keys.count == 1 else {
      throw CLIFailure(
        .failed,
        keys.isEmpty
          ? "\"\(source)\" holds no private key in PEM form"
          : "\"\(source)\" holds \(keys.count) private keys",
        remedy: "give a file with the one key of the role's certificate")
    }
    // RFC 5958, and the header of OpenSSL's older form (RFC 1421).
    guard key.label != "ENCRYPTED PRIVATE KEY", !key.text.contains("Proc-Type: 4,ENCRYPTED") else {
      throw CLIFailure(
        .failed, "the private key in \"\(source)\" is encrypted with a passphrase",
        remedy:
          "give it without one: openssl pkey -in FILE -out NEW; it is sealed to the agents here")
    }
    return key
  }

  private static func check(
    _ key: PEMBlocks.Block, belongsTo leaf: Certificate, sources: (chain: String, key: String)
  ) throws(CLIFailure) {
    let publicKey: Certificate.PublicKey
    do {
      publicKey = try Certificate.PrivateKey(pemEncoded: key.text).publicKey
    } catch {
      // The error's own words may quote what stands in the file.
      throw CLIFailure(
        .failed, "the private key in \"\(sources.key)\" cannot be read",
        remedy: "give an RSA, EC (P-256, P-384, P-521) or Ed25519 key in PEM form")
    }
    guard publicKey == leaf.publicKey else {
      throw CLIFailure(
        .failed,
        "the private key in \"\(sources.key)\" does not belong to the first certificate in"
          + " \"\(sources.chain)\"",
        remedy: "give the key that the certificate was issued for, and the role's certificate first"
      )
    }
  }

  private static func warnings(about leaf: Certificate, role: String, now: Date) -> [String] {
    var warnings: [String] = []
    let name = leaf.subject.lazy.joined().first { $0.type == .RDNAttributeType.commonName }
    if let name = name.flatMap({ String($0.value) }) {
      if name != role {
        warnings.append(
          "the certificate of role \"\(role)\" is for \"\(name)\": the server lets it in only with a"
            + " map in its pg_ident.conf")
      }
    } else {
      warnings.append(
        "the certificate of role \"\(role)\" has no common name that can be read: the server needs"
          + " clientname=DN and a map in its pg_ident.conf")
    }
    if now < leaf.notValidBefore {
      warnings.append(
        "the certificate of role \"\(role)\" is not valid before \(text(leaf.notValidBefore))")
    } else if leaf.notValidAfter.timeIntervalSince(now) < 14 * 86_400 {
      warnings.append(
        "the certificate of role \"\(role)\" expires at \(text(leaf.notValidAfter)): add the"
          + " connection again with --replace and a new one before that")
    }
    return warnings
  }

  private static func text(_ date: Date) -> String {
    date.formatted(.iso8601)
  }
}
