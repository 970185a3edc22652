import APIModel
import ArgumentParser
import Foundation

struct Connect: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Open psql, or another client, at a connection through its agent.",
    discussion: """
      The token stands in a private file that is removed afterwards, never in arguments or the \
      environment. An administrator can have one issued with --subject; others give theirs with \
      --token-file or SALLYPORT_TOKEN_FILE. The exit code is that of the client.

      Examples:
        sallyport connect orders --subject alice@example.com --groups analysts
        sallyport connect orders --token-file alice.token -- -c "select 1"
        sallyport connect orders --token-file alice.token --exec pg_dump -- -s
      """)

  @Argument(help: "The connection's name.")
  var name: String

  @Option(help: "Issue a token for this subject (administrators).")
  var subject: String?

  @OptionGroup var about: TokenSubject

  @Option(help: "A file with the token on its first line.")
  var tokenFile: String?

  @Option(help: "The database role to ask for, where several are granted.")
  var role: String?

  @Option(help: "The agent to go through: its id, or how it begins. (default: one that is online)")
  var agent: String?

  @Option(help: "The client to run; it must find its server by libpq's environment variables.")
  var exec = "psql"

  @Argument(parsing: .postTerminator, help: "What to give to the client.")
  var arguments: [String] = []

  func perform() async throws {
    let environment = ProcessInfo.processInfo.environment
    let configuration = try ConfigurationSource().load()
    let (address, token) = try await APIClient.withClient(configuration) { client in
      let connection: ConnectionInfo = try await client.get(Routes.connections, [name])
      let address = try Self.address(of: connection, agent: agent)
      return (address, try await self.token(client, environment: environment))
    }
    guard let user = role ?? subject ?? SessionTokenClaims(token: token)?.sub else {
      throw CLIFailure(
        .usage, "the token does not say whose it is",
        remedy: "name the database role with --role, or check that the file holds a session token")
    }
    let authority = try await Authority.current(configuration)
    let folder = try PrivateFolder(environment: environment)
    defer { folder.remove() }
    let client = ClientEnvironment(
      host: address.host, port: address.port, connection: name, user: user,
      passwordFile: try folder.write(
        ClientEnvironment.passwordLine(host: address.host, port: address.port, token: token),
        to: "password"),
      authorityFile: try folder.write(authority.pem, to: "authority.pem"))
    let code = try await ClientProgram.run(
      [exec] + arguments, environment: client.variables(from: environment))
    if code != 0 { throw ExitCode(code) }
  }

  /// Where to reach an agent that serves the connection.
  static func address(
    of connection: ConnectionInfo, agent prefix: String?
  ) throws(CLIFailure) -> ClientAddress {
    let candidates = connection.agents.filter { prefix.map($0.id.hasPrefix) ?? true }
    guard !candidates.isEmpty else {
      throw CLIFailure(
        .notFound,
        prefix.map { "no agent \"\($0)\" serves \"\(connection.name)\"" }
          ?? "no agent serves \"\(connection.name)\", segment \(connection.segment)",
        remedy: prefix == nil
          ? "enrol one: sallyport agents invite --segment \(connection.segment) --address HOST:PORT"
          : "see `sallyport connections show \(connection.name)`")
    }
    // An agent works without the control plane, so one that was named is tried though offline.
    let usable = prefix == nil ? candidates.filter { $0.link == "online" } : candidates
    guard let chosen = usable.randomElement() else {
      throw CLIFailure(
        .unavailable, "no agent that serves \"\(connection.name)\" is online",
        remedy: "see `sallyport agents list`; name one with --agent to try it all the same")
    }
    guard let address = ClientAddress(chosen.clientAddress) else {
      throw CLIFailure(
        .failed, "agent \(chosen.id) has no usable address: \"\(chosen.clientAddress)\"",
        remedy: "enrol it again with --address HOST:PORT")
    }
    return address
  }

  private func token(
    _ client: APIClient, environment: [String: String]
  ) async throws -> String {
    if let subject {
      guard tokenFile == nil else {
        throw CLIFailure(
          .usage, "--subject and --token-file are both given",
          remedy: "give --subject to have a token issued, or --token-file to use one")
      }
      let request = about.request(subject: subject, connections: [name])
      let issued: IssuedToken = try await client.post(Routes.tokens, body: request)
      return issued.token
    }
    let file = tokenFile ?? environment["SALLYPORT_TOKEN_FILE"]
    guard let file, !file.isEmpty else {
      throw CLIFailure(
        .usage, "there is no token to enter \"\(name)\" with",
        remedy: "give --token-file FILE, or as an administrator --subject alice@example.com")
    }
    let text = try InputFile.read(file, purpose: "the token")
    return try InputFile.secret(in: text, purpose: "token", source: "\"\(file)\"")
  }
}
