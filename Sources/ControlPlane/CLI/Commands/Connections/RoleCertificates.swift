import ArgumentParser
import Foundation
import GatewayModel

/// Where the client certificates of database roles come from.
struct RoleCertificates: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      A PEM file with the client certificate that a role shows the server, and the authorities \
      between; just FILE where there is one role. Such a role has a password only where \
      --password-file gives one.
      """, valueName: "role=file"))
  var sslcert: [String] = []

  @Option(
    help: ArgumentHelp(
      "A PEM file with the certificate's private key, without a passphrase.",
      valueName: "role=file"))
  var sslkey: [String] = []

  /// The files of each role that has a certificate.
  ///
  /// - Parameter url: What a URL names for its role.
  func files(
    for roles: [String], url: DatabaseURL?
  ) throws(CLIFailure) -> [String: (chain: String, key: String)] {
    var chains = try Self.assign(sslcert, option: "--sslcert", to: roles)
    var keys = try Self.assign(sslkey, option: "--sslkey", to: roles)
    if let role = url?.role {
      if chains[role] == nil { chains[role] = url?.certificateFile }
      if keys[role] == nil { keys[role] = url?.keyFile }
    } else if url?.certificateFile ?? url?.keyFile != nil {
      throw CLIFailure(
        .usage, "the URL names a client certificate or key and no role",
        remedy: "write the role before the @, or give them with --sslcert and --sslkey")
    }
    var files: [String: (chain: String, key: String)] = [:]
    for role in roles {
      switch (chains[role], keys[role]) {
      case (nil, nil): break
      case (let chain?, let key?): files[role] = (chain, key)
      case (_?, nil):
        throw CLIFailure(
          .usage, "the private key for the certificate of role \"\(role)\" is missing",
          remedy: "give it with --sslkey \(role)=FILE; the same file may hold both")
      case (nil, _?):
        throw CLIFailure(
          .usage, "the certificate for the private key of role \"\(role)\" is missing",
          remedy: "give it with --sslcert \(role)=FILE")
      }
    }
    return files
  }

  private static func assign(
    _ arguments: [String], option: String, to roles: [String]
  ) throws(CLIFailure) -> [String: String] {
    var files: [String: String] = [:]
    for argument in arguments {
      let (role, file) = try RoleFile.split(argument, option: option, roles: roles)
      guard files.updateValue(file, forKey: role) == nil else {
        throw CLIFailure(
          .usage, "\(option) is given twice for role \"\(role)\"", remedy: "give it once")
      }
    }
    return files
  }

  /// Reads and checks the files, each of at most `ClientCertificate.maximumBytes`.
  static func read(
    _ files: [String: (chain: String, key: String)], now: Date = Date()
  ) throws(CLIFailure) -> [String: RoleCertificate] {
    var certificates: [String: RoleCertificate] = [:]
    for (role, sources) in files.sorted(by: { $0.key < $1.key }) {
      let chain = try InputFile.read(
        sources.chain, purpose: "the certificate of role \"\(role)\"",
        atMost: ClientCertificate.maximumBytes)
      let key = try InputFile.read(
        sources.key, purpose: "the private key of role \"\(role)\"",
        atMost: ClientCertificate.maximumBytes)
      certificates[role] = try RoleCertificate(
        chain: chain, key: key, role: role, sources: sources, now: now)
    }
    return certificates
  }
}
