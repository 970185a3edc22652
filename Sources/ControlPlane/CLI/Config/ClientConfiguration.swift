import Foundation
import GatewayModel

/// What the command line knows of a control plane: where it is, whom to trust, who asks.
struct ClientConfiguration: Sendable, Equatable {
  /// Who must vouch for the control plane's certificate.
  enum ServerTrust: String, Sendable, Codable {
    /// Its own authority, whose certificate is kept here.
    case authority
    /// The authorities of this machine.
    case system
  }

  var server: ServerAddress
  var serverTrust: ServerTrust
  /// PEM of Sallyport's authority, which vouches for agents too.
  var authorityPEM: String?
  var apiToken: Secret?
}

/// Where the configuration is kept and what in the environment goes before it.
struct ConfigurationSource: Sendable {
  var environment: [String: String]

  init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.environment = environment
  }

  /// `$SALLYPORT_CONFIG`, or `sallyport/config.json` in `$XDG_CONFIG_HOME` or `~/.config`.
  var path: String {
    if let path = value("SALLYPORT_CONFIG") { return path }
    // The XDG specification wants relative paths ignored.
    let base =
      value("XDG_CONFIG_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? "\(value("HOME") ?? NSHomeDirectory())/.config"
    return "\(base)/sallyport/config.json"
  }

  /// The stored configuration with what the environment overrides.
  func load() throws(CLIFailure) -> ClientConfiguration {
    let stored = try readFile()
    var configuration: ClientConfiguration
    if let text = value("SALLYPORT_SERVER") {
      let server = try ServerAddress(text, named: "SALLYPORT_SERVER")
      let same = stored?.server == server
      // A token and an authority belong to the server they came from and go to no other.
      configuration = ClientConfiguration(
        server: server, serverTrust: same ? stored?.serverTrust ?? .system : .system,
        authorityPEM: same ? stored?.authorityPEM : nil, apiToken: same ? stored?.apiToken : nil)
    } else if let stored {
      configuration = stored
    } else {
      throw CLIFailure(
        .configuration, "no control plane is configured: there is no file \"\(path)\"",
        remedy: "log in with `sallyport login --server https://…`, or set SALLYPORT_SERVER")
    }
    if let file = value("SALLYPORT_CA_FILE") {
      configuration.authorityPEM = try InputFile.read(file, purpose: "the authority's certificate")
      configuration.serverTrust = .authority
    }
    if let token = value("SALLYPORT_API_TOKEN") {
      configuration.apiToken = Secret(text: token)
    } else if let file = value("SALLYPORT_API_TOKEN_FILE") {
      let text = try InputFile.read(file, purpose: "the API token")
      let token = try InputFile.secret(in: text, purpose: "API token", source: "\"\(file)\"")
      configuration.apiToken = Secret(text: token)
    }
    return configuration
  }

  /// Stores the configuration for its owner alone.
  func save(_ configuration: ClientConfiguration) throws(CLIFailure) {
    try PrivateFile.makeFolder((path as NSString).deletingLastPathComponent)
    let stored = StoredConfiguration(
      server: configuration.server.text, serverTrust: configuration.serverTrust,
      authorityPEM: configuration.authorityPEM, apiToken: configuration.apiToken?.text)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(stored) else {
      throw CLIFailure(.configuration, "the configuration could not be written as JSON")
    }
    try PrivateFile.write(data, to: path)
  }

  private func readFile() throws(CLIFailure) -> ClientConfiguration? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    if PrivateFile.isOpenToOthers(path) == true {
      throw CLIFailure(
        .configuration, "\"\(path)\" holds an API token and is open to other users",
        remedy: "close it with `chmod 600 \(path)`")
    }
    let text = try InputFile.read(path, purpose: "the configuration")
    let stored: StoredConfiguration
    do {
      stored = try JSONDecoder().decode(StoredConfiguration.self, from: Data(text.utf8))
    } catch {
      throw CLIFailure(
        .configuration, "\"\(path)\" is not a configuration of sallyport",
        remedy: "remove it and log in again with `sallyport login`")
    }
    return ClientConfiguration(
      server: try ServerAddress(stored.server, named: "\"\(path)\""),
      serverTrust: stored.serverTrust, authorityPEM: stored.authorityPEM,
      apiToken: stored.apiToken.map { Secret(text: $0) })
  }

  private func value(_ name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }
}

/// The JSON of the configuration file.
private struct StoredConfiguration: Codable {
  var server: String
  var serverTrust: ClientConfiguration.ServerTrust
  var authorityPEM: String?
  var apiToken: String?
}
