/// The environment in which a PostgreSQL client finds the agent.
///
/// Only names of files are in it, no secret: libpq reads the token from the password file
/// (PostgreSQL documentation, sections 34.15 and 34.16).
struct ClientEnvironment: Equatable {
  var host: String
  var port: Int
  var connection: String
  var user: String
  var passwordFile: String
  var authorityFile: String

  /// Settings of the person's own that would lead the client elsewhere, give it another password,
  /// or make the way to the agent less safe.
  static let removed: Set<String> = [
    "PGHOSTADDR", "PGPASSWORD", "PGSERVICE", "PGSERVICEFILE", "PGREQUIREPEER", "PGSSLCERT",
    "PGSSLKEY", "PGSSLCRL", "PGSSLCRLDIR", "PGREQUIRESSL", "PGKRBSRVNAME", "PGCHANNELBINDING",
    "PGTARGETSESSIONATTRS", "PGREQUIREAUTH", "PGSSLCERTMODE", "PGSSLNEGOTIATION",
    "PGLOADBALANCEHOSTS", "PGSSLMINPROTOCOLVERSION", "PGSSLMAXPROTOCOLVERSION",
    // What this program may have been given to act as an operator is no business of the client.
    "SALLYPORT_API_TOKEN", "SALLYPORT_API_TOKEN_FILE",
  ]

  /// The variables for the client, made from the person's own.
  func variables(from environment: [String: String]) -> [String: String] {
    var result = environment.filter { !Self.removed.contains($0.key) }
    result["PGHOST"] = host
    result["PGPORT"] = "\(port)"
    result["PGDATABASE"] = connection
    result["PGUSER"] = user
    result["PGPASSFILE"] = passwordFile
    result["PGSSLMODE"] = "verify-full"
    result["PGSSLROOTCERT"] = authorityFile
    result["PGGSSENCMODE"] = "disable"
    return result
  }

  /// The one line of the password file. It names host and port, so that `\connect` to another
  /// server does not send the token there.
  static func passwordLine(host: String, port: Int, token: String) -> String {
    func field(_ text: String) -> String {
      text.replacing("\\", with: "\\\\").replacing(":", with: "\\:")
    }
    return "\(field(host)):\(port):*:*:\(field(token))\n"
  }
}

/// An agent's address, `host:port`, with brackets around an IPv6 address.
struct ClientAddress: Equatable {
  var host: String
  var port: Int

  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"),
      let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port)
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty else { return nil }
    self.host = String(host)
    self.port = port
  }
}
