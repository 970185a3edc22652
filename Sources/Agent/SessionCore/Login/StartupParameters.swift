internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// What a client's StartupMessage asks for, after the allow-list.
struct StartupParameters: Equatable, Sendable {
  /// Why a StartupMessage is not taken; the client is told, since no secret is involved.
  struct Refusal: Error, Equatable {
    var reason: ReasonCode
    var sqlstate: String
    var message: String
    var hint: String?
  }

  /// The database role wanted.
  let user: String
  /// The connection's name.
  let connection: String
  /// As the client asserts it.
  let applicationName: String
  /// For the server leg, in the order sent.
  let settings: [StartupMessage.Parameter]
  /// The version spoken with the client: what it asks for, at most the newest known here.
  let version: ProtocolVersion
  /// What NegotiateProtocolVersion has to say; `nil` when the client asked for nothing unknown.
  let negotiation: BackendMessage.NegotiateProtocolVersion?

  /// Settings that may be given at startup, in lower case, as the server folds them.
  ///
  /// They change how values look or how long things may take. What changes which objects a
  /// statement reaches, or how its text is read, is not among them.
  private static let allowed: Set<String> = [
    "application_name", "client_encoding", "datestyle", "timezone", "intervalstyle",
    "extra_float_digits", "bytea_output", "statement_timeout", "lock_timeout",
    "idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout",
    "default_transaction_isolation", "default_transaction_read_only",
    "default_transaction_deferrable", "geqo", "jit", "standard_conforming_strings",
    "client_min_messages",
  ]

  init(_ message: StartupMessage) throws(Refusal) {
    guard let user = message["user"], !user.isEmpty else {
      throw Refusal(
        reason: .startupParameter, sqlstate: "28000",
        message: "no PostgreSQL user name specified in startup packet")
    }
    self.user = user
    let database = message["database"] ?? ""
    connection = database.isEmpty ? user : database
    applicationName = Self.cleaned(message["application_name"] ?? "")
    var settings: [StartupMessage.Parameter] = []
    var unknownOptions: [String] = []
    for parameter in message.parameters {
      if parameter.isProtocolOption {
        unknownOptions.append(parameter.name)
      } else if try Self.passes(parameter) {
        settings.append(parameter)
      }
    }
    self.settings = settings
    version = min(message.version, .newest)
    // A minor version between two known ones is taken as it is, as the server does.
    let isKnown = version == message.version && unknownOptions.isEmpty
    negotiation =
      isKnown
      ? nil
      : BackendMessage.NegotiateProtocolVersion(newest: version, unknownOptions: unknownOptions)
  }

  /// Whether the server is given the parameter; throws where that would not be right.
  private static func passes(_ parameter: StartupMessage.Parameter) throws(Refusal) -> Bool {
    switch parameter.name.lowercased() {
    case "user", "database", "application_name", "standard_conforming_strings": break
    case "client_encoding": try check(encoding: parameter.value)
    case "replication":
      guard ["", "false", "off", "no", "0"].contains(parameter.value.lowercased()) else {
        throw Refusal(
          reason: .startupParameter, sqlstate: "0A000",
          message: "replication connections are not supported through this gateway",
          hint: "Connect without the startup parameter \"replication\".")
      }
    case "options" where parameter.value.allSatisfy(\.isWhitespace): break
    case let name where allowed.contains(name): return true
    default:
      throw Refusal(
        reason: .startupParameter, sqlstate: "0A000",
        message: "the startup parameter \"\(parameter.name)\" is not allowed through this gateway",
        hint: "Leave it out when connecting; use SET after that where you may.")
    }
    if parameter.name.lowercased() == "standard_conforming_strings", !isOn(parameter.value) {
      throw Refusal(
        reason: .protectedSetting, sqlstate: "0A000",
        message: "standard_conforming_strings must be on through this gateway",
        hint: "Leave the startup parameter out when connecting.")
    }
    return parameter.name.lowercased() == "client_encoding"
  }

  private static func check(encoding: String) throws(Refusal) {
    guard isHarmless(encoding: encoding) else {
      throw Refusal(
        reason: .protectedSetting, sqlstate: "0A000",
        message: "client_encoding \"\(encoding)\" is not supported through this gateway",
        hint: "Connect with client_encoding UTF8.")
    }
  }

  /// UTF8, or SQL_ASCII, which a client in the C locale asks for: the server passes bytes on as
  /// they are. In both no byte of a longer character looks like a quote or a backslash.
  ///
  /// The server compares letters and digits only, in any case.
  static func isHarmless(encoding: String) -> Bool {
    let letters = encoding.lowercased().utf8.filter {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
    }
    return ["utf8", "unicode", "sqlascii"].contains(String(decoding: letters, as: UTF8.self))
  }

  private static func isOn(_ value: String) -> Bool {
    ["on", "true", "yes", "1", "t", "y"].contains(value.lowercased())
  }

  /// The StartupMessage of the server leg.
  ///
  /// What statement texts are read by is pinned: encoding and string syntax. The server's own log
  /// can be joined by the application name.
  func serverMessage(
    grant: LoginGrant, session: SessionID, version: ProtocolVersion
  ) -> StartupMessage {
    var parameters: [StartupMessage.Parameter] = [
      .init(name: "user", value: grant.role),
      .init(name: "database", value: grant.connection.database),
      .init(
        name: "application_name",
        value: Self.stampedName(session: session, subject: grant.principal.subject)),
      .init(name: "standard_conforming_strings", value: "on"),
    ]
    if !settings.contains(where: { $0.name.lowercased() == "client_encoding" }) {
      parameters.append(.init(name: "client_encoding", value: "UTF8"))
    }
    let imposed = grant.serverSettings
    let asked = settings.filter { setting in
      !imposed.contains { $0.name == setting.name.lowercased() }
    }
    return StartupMessage(
      version: version,
      parameters: parameters + asked + imposed.map { .init(name: $0.name, value: $0.value) })
  }

  /// `sallyport:<last 12 digits of the session>:<subject>`, at most 63 bytes, which is what the
  /// server keeps.
  static func stampedName(session: SessionID, subject: String) -> String {
    let limit = 63
    let short = session.description.suffix(12)
    return String(cleaned("sallyport:\(short):\(subject)").prefix(limit))
  }

  /// As the server shows an application name: what is not printable ASCII becomes `?`.
  static func cleaned(_ name: String) -> String {
    String(
      decoding: name.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") },
      as: UTF8.self)
  }
}

/// The two names of one session's application.
struct ApplicationNames: Equatable, Sendable {
  /// What the server was told at login, see ``StartupParameters/stampedName(session:subject:)``.
  let stamped: String
  /// What the client said at login and is shown.
  let asserted: String
}
