import APIModel
import ArgumentParser
import Foundation
import GatewayModel

struct Login: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Remember a control plane, whom to trust for it, and an API token.",
    discussion: """
      The token is the one-time bootstrap token that `sallyport-control serve` prints at its first \
      start, or an API token. It is read from --token-file, from standard input, or asked for \
      without being shown. The fingerprint is printed at the start too.

      Example:
        sallyport login --server https://control.example.com:8443 \\
          --ca-fingerprint sha256:8c1f… --token-file bootstrap.token
      """)

  @Option(help: "The control plane's address, https://host[:port].")
  var server: String

  @Option(
    help: """
      SHA-256 of the control plane's own authority. Without it the authorities of this machine \
      must vouch for the control plane.
      """)
  var caFingerprint: String?

  @Option(help: "A file with the token on its first line; - for standard input.")
  var tokenFile: String?

  func perform() async throws {
    let address = try ServerAddress(server, named: "--server")
    // Before the token is asked for: an impostor or a slip ends it here.
    let authority = try await authority(of: address)
    let token = Secret(text: try readToken())
    let trust: APIClient.Trust = caFingerprint == nil ? .system : .authority(authority)
    let apiToken = try await exchange(token, at: address, trust: trust)
    let configuration = ClientConfiguration(
      server: address, serverTrust: caFingerprint == nil ? .system : .authority,
      authorityPEM: authority.pem, apiToken: apiToken)
    let source = ConfigurationSource()
    do {
      try source.save(configuration)
    } catch {
      // A bootstrap token is spent now: losing its successor would lock the owner out.
      if token != apiToken {
        StandardError.line(
          "The API token could not be stored. It is shown this once; keep it safe:")
        try StandardOutput.line(apiToken.text)
      }
      throw error
    }
    let status = try await APIClient.withClient(configuration) { client in
      try await client.get(Routes.status, as: FleetStatus.self)
    }
    StandardError.line(
      """
      Logged in to \(address.text), organisation \(EscapedText.line(status.organisation)). \
      Stored in \(source.path).
      """)
  }

  private func readToken() throws(CLIFailure) -> String {
    let purpose = "token"
    if let tokenFile, tokenFile != "-" {
      let text = try InputFile.read(tokenFile, purpose: "the token")
      return try InputFile.secret(in: text, purpose: purpose, source: "\"\(tokenFile)\"")
    }
    if tokenFile == nil, isatty(STDIN_FILENO) == 1 {
      return try SecretPrompt.read("token", instead: "give it with --token-file")
    }
    let text = try InputFile.read(
      .standardInput, named: "standard input", purpose: "the token")
    return try InputFile.secret(in: text, purpose: purpose, source: "standard input")
  }

  /// The authority that the server shows, compared with the fingerprint, or asked for over a link
  /// that this machine's authorities vouch for.
  private func authority(of address: ServerAddress) async throws -> Authority {
    let source = "the control plane's answer"
    guard let caFingerprint else {
      let info = try await Self.authorityInfo(address, trust: .system)
      return try Authority(pem: info.certificatePEM, source: source)
    }
    guard let fingerprint = Fingerprint(caFingerprint) else {
      throw CLIFailure(
        .usage, "--ca-fingerprint \"\(caFingerprint)\" is not a fingerprint",
        remedy: "give sha256: and 64 hexadecimal digits, as the control plane prints them")
    }
    // Nothing secret is sent here, and what comes back counts only if its hash is the given one.
    let info = try await Self.authorityInfo(address, trust: .unverified)
    let authority = try Authority(pem: info.certificatePEM, source: source)
    try authority.require(fingerprint: fingerprint)
    return authority
  }

  private static func authorityInfo(
    _ address: ServerAddress, trust: APIClient.Trust
  ) async throws -> AuthorityInfo {
    try await APIClient.withClient(server: address, trust: trust, token: nil) { client in
      try await client.get(Routes.authority)
    }
  }

  /// The API token: the given one, or what a bootstrap token is exchanged for.
  private func exchange(
    _ token: Secret, at address: ServerAddress, trust: APIClient.Trust
  ) async throws -> Secret {
    if token.text.hasPrefix("spb_") {
      let request = BootstrapRequest(bootstrapToken: token.text, name: Self.tokenName())
      return try await APIClient.withClient(server: address, trust: trust, token: nil) { client in
        let answer: BootstrapResponse = try await client.post(Routes.bootstrap, body: request)
        return Secret(text: answer.apiToken)
      }
    }
    return try await APIClient.withClient(server: address, trust: trust, token: token) { client in
      // Any answer shows that the token is good here.
      _ = try await client.get(Routes.status, as: FleetStatus.self)
      return token
    }
  }

  /// What the API token is called in listings: who at which machine.
  private static func tokenName() -> String {
    let text = "\(NSUserName()) at \(ProcessInfo.processInfo.hostName)"
    return String(EscapedText.line(text).prefix(60))
  }
}

struct AuthorityCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "authority",
    abstract: "Print the certificate that vouches for agents, for a client's sslrootcert.",
    discussion: """
      Example:
        sallyport authority >sallyport-ca.pem
        psql "host=db-gw.example.com port=6432 dbname=orders user=alice@example.com \\
          sslmode=verify-full sslrootcert=sallyport-ca.pem"
      """)

  @Flag(help: "Print its fingerprint instead, for `login --ca-fingerprint`.")
  var fingerprint = false

  func perform() async throws {
    let configuration = try ConfigurationSource().load()
    let authority = try await Authority.current(configuration)
    if fingerprint {
      for text in try authority.fingerprints() { try StandardOutput.line(text) }
    } else {
      try StandardOutput.write(authority.pem.hasSuffix("\n") ? authority.pem : authority.pem + "\n")
    }
  }
}

extension Authority {
  /// The authority that was stored at login, or asked for over the verified link.
  static func current(_ configuration: ClientConfiguration) async throws -> Authority {
    if let pem = configuration.authorityPEM {
      return try Authority(pem: pem, source: "the configuration")
    }
    let info = try await APIClient.withClient(configuration) { client in
      try await client.get(Routes.authority, as: AuthorityInfo.self)
    }
    return try Authority(pem: info.certificatePEM, source: "the control plane's answer")
  }
}
