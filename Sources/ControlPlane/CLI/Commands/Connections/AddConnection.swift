import APIModel
import ArgumentParser
import Foundation
import GatewayModel

struct AddConnection: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Register a database and seal its roles' credentials to the agents of its segment.",
    discussion: """
      Passwords and client certificates' keys are encrypted here, to each agent of the segment; \
      the control plane cannot read them. Passwords are asked for without being shown, or read \
      from files or standard input.

      Examples:
        sallyport connections add orders postgresql://app@db.internal:5432/shop \\
          --segment eu-prod --ca-file db-ca.pem --label team=checkout
        sallyport connections add orders --segment eu-prod --host db.internal \\
          --database shop --role app --role readonly \\
          --password-file app=app.pw --password-file readonly=ro.pw
        sallyport connections add ledger postgresql://app@db.internal/ledger \\
          --segment eu-prod --ca-file db-ca.pem --sslcert app.crt --sslkey app.key
      """)

  @Argument(help: "What clients will write as the database's name.")
  var name: String

  @Argument(help: "postgresql://role@host:port/database, instead of the options below.")
  var url: String?

  @Option(help: "The network segment whose agents serve it.")
  var segment: String

  @Option(help: "The database server's host name, address, or folder of its Unix socket.")
  var host: String?

  @Option(help: "The database server's port. (default: 5432)")
  var port: Int?

  @Option(help: "The database's name at the server.")
  var database: String?

  @Option(help: "A database role that grants can give; repeat it for more.")
  var role: [String] = []

  @Option(
    help: """
      How the way to the server is secured: verify-full, verify-ca, require or disable. \
      (default: verify-full)
      """)
  var tls: String?

  @Option(help: "PEM file of the authorities that may vouch for the server.")
  var caFile: String?

  @Option(help: ArgumentHelp("A label, to find it by; repeat it for more.", valueName: "key=value"))
  var label: [String] = []

  @Flag(
    help: """
      Let clients call functions outside SQL, as libpq, psycopg2 and JDBC do for large objects; \
      they are recorded with the function's number and its arguments.
      """)
  var allowFunctionCalls = false

  @Option(
    help: """
      The most rows that one statement may return; one that has more is cancelled and refused. \
      (default: any number)
      """)
  var maxRows: Int?

  @Option(
    help: """
      What a statement's records survive before it takes effect: crash-safe (the agent being \
      killed), or power-safe (its host losing power, too; each transaction waits for the agent's \
      disk). (default: crash-safe)
      """)
  var durability: String?

  @OptionGroup var passwords: RolePasswords

  @OptionGroup var certificates: RoleCertificates

  @Flag(help: "Replace the connection of that name.")
  var replace = false

  func perform() async throws {
    var draft = try self.draft()
    let roles = draft.roles.map(\.name)
    let certificates = try self.certificates(for: draft)
    for warning in certificates.sorted(by: { $0.key < $1.key }).flatMap(\.value.warnings) {
      StandardError.line(EscapedText.line("Warning: \(warning)."))
    }
    let configuration = try ConfigurationSource().load()
    let added = try await APIClient.withClient(configuration) { client in
      let keys = try await client.all(
        Routes.segments, [segment, "sealing-keys"], of: SealingKey.self)
      guard !keys.isEmpty else {
        throw CLIFailure(
          .failed, "no agent is enrolled in segment \"\(segment)\", so there is none to seal to",
          remedy: """
            enrol one first: sallyport agents invite --segment \(segment) --address HOST:PORT
            """)
      }
      let secrets = try passwords.read(for: roles, certified: Set(certificates.keys))
      draft.roles = try roles.map { role in
        let credential = Self.credential(certificates[role]?.certificate, secrets[role])
        return RoleDraft(
          name: role,
          credentials: try CredentialSealing.seal(
            credential, connection: name, role: role, to: keys))
      }
      return try await register(draft, client)
    }
    let place = "\(added.host):\(added.port)/\(added.database)"
    StandardError.line(
      EscapedText.line(
        """
        Connection "\(added.name)" → \(place), segment \(added.segment), \
        roles \(roles.joined(separator: ", ")), served by \(added.agents.count) agent(s).
        """))
    StandardError.line(
      EscapedText.line(
        "→ check it: sallyport connections test \(added.name); nobody may enter without a grant: "
          + "sallyport grants add --group G --connection \(added.name) --role \(roles.first ?? "R")"
      ))
  }

  private func register(
    _ draft: ConnectionDraft, _ client: APIClient
  ) async throws(CLIFailure) -> ConnectionInfo {
    do {
      return try await client.post(Routes.connections, body: draft)
    } catch {
      var failure = error
      // The API's words cannot know the option.
      if failure.apiCode == "conflict", !replace {
        failure.remedy = "choose another name, or give --replace to put this one in its place"
      }
      throw failure
    }
  }

  /// The connection without its credentials.
  func draft() throws(CLIFailure) -> ConnectionDraft {
    let url = try self.url.map { (text) throws(CLIFailure) in try DatabaseURL(text) }
    let mode = tls ?? url?.tls ?? ServerTLSMode.verifyFull.rawValue
    guard ServerTLSMode(rawValue: mode) != nil else {
      throw CLIFailure(
        .usage, "\"\(mode)\" is no way to secure the server leg",
        remedy: "choose verify-full, verify-ca, require or disable")
    }
    let port = self.port ?? url?.port ?? 5432
    guard (1...65_535).contains(port) else {
      throw CLIFailure(
        .usage, "\(port) is not a port", remedy: "give one between 1 and 65535 with --port")
    }
    if let maxRows, !Connection.rowLimits.contains(maxRows) {
      throw CLIFailure(
        .usage, "\(maxRows) is no number of rows",
        remedy: "give one from 1 to \(Connection.rowLimits.upperBound) with --max-rows")
    }
    if let durability, Durability(rawValue: durability) == nil {
      throw CLIFailure(
        .usage, "\"\(durability)\" is no durability", remedy: "choose crash-safe or power-safe")
    }
    var roles = role
    if let named = url?.role, !roles.contains(named) { roles.insert(named, at: 0) }
    guard Set(roles).count == roles.count, !roles.isEmpty else {
      throw CLIFailure(
        .usage, roles.isEmpty ? "no database role is named" : "a database role is named twice",
        remedy: "name each once with --role ROLE, or in the URL before the @")
    }
    var authorities: String?
    if let file = caFile ?? url?.authoritiesFile {
      let text = try InputFile.read(file, purpose: "the server's authorities")
      authorities = try Authority(pem: text, source: "\"\(file)\"").pem
    }
    return ConnectionDraft(
      name: name, segment: segment,
      host: try Self.require(host ?? url?.host, "host", "--host"), port: port,
      database: try Self.require(database ?? url?.database, "database", "--database"), tls: mode,
      authoritiesPEM: authorities, labels: try Self.labels(label),
      roles: roles.map { RoleDraft(name: $0, credentials: []) }, replace: replace,
      allowsFunctionCalls: allowFunctionCalls ? true : nil, maximumRows: maxRows,
      durability: durability)
  }

  static func labels(_ arguments: [String]) throws(CLIFailure) -> [String: String] {
    var labels: [String: String] = [:]
    for argument in arguments {
      guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else {
        throw CLIFailure(
          .usage, "--label \"\(argument)\" is not key=value", remedy: "write --label team=checkout")
      }
      labels[String(argument[..<sign])] = String(argument[argument.index(after: sign)...])
    }
    return labels
  }

  private static func require(
    _ value: String?, _ what: String, _ option: String
  ) throws(CLIFailure) -> String {
    guard let value, !value.isEmpty else {
      throw CLIFailure(
        .usage, "the \(what) is missing", remedy: "give it with \(option) or in a postgresql:// URL"
      )
    }
    return value
  }
}
