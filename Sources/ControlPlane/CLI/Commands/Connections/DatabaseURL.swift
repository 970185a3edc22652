import Foundation

/// Where a database is, read from `postgresql://role@host:port/database?sslmode=…`.
///
/// The form of libpq's connection URIs (PostgreSQL documentation, section 34.1.1.2) for one host.
/// A password in it is refused: arguments can be read by every user of the machine.
struct DatabaseURL: Sendable, Equatable {
  var role: String?
  var host: String?
  var port: Int?
  var database: String?
  var tls: String?
  var authoritiesFile: String?
  /// The client certificate of the role, and its key.
  var certificateFile: String?
  var keyFile: String?

  init(_ text: String) throws(CLIFailure) {
    // The text itself is not quoted in messages before it is known to hold no password.
    let form = "give it as postgresql://role@host:5432/database"
    guard let url = URLComponents(string: text), let scheme = url.scheme?.lowercased() else {
      throw CLIFailure(.usage, "the database's URL cannot be read", remedy: form)
    }
    guard scheme == "postgresql" || scheme == "postgres" else {
      throw CLIFailure(.usage, "\"\(scheme)://\" is not a PostgreSQL URL", remedy: form)
    }
    let items = url.queryItems ?? []
    guard url.password == nil, !items.contains(where: { $0.name.lowercased() == "password" })
    else {
      throw CLIFailure(
        .usage, "the URL holds a password, which other users of this machine can see",
        remedy: "leave it out, change the password, and use --password-file or --password-stdin")
    }
    role = Self.part(url.user)
    host = Self.part(url.host).map { $0.hasPrefix("[") ? String($0.dropFirst().dropLast()) : $0 }
    port = url.port
    database = Self.part(String(url.path.drop { $0 == "/" }))
    if host?.contains(",") == true {
      throw CLIFailure(
        .usage, "\"\(host ?? "")\" is more than one host",
        remedy: "register each database as a connection of its own")
    }
    for item in items {
      switch item.name {
      case "sslmode": tls = item.value
      case "sslrootcert": authoritiesFile = item.value
      case "sslcert": certificateFile = item.value
      case "sslkey": keyFile = item.value
      case "host": host = item.value
      case "port": port = item.value.flatMap { Int($0) }
      case "user": role = item.value
      case "dbname": database = item.value
      default:
        throw CLIFailure(
          .usage, "the URL's parameter \"\(item.name)\" is not known here",
          remedy: "leave it out; sslmode, sslrootcert, sslcert and sslkey are understood")
      }
    }
  }

  private static func part(_ text: String?) -> String? {
    text.flatMap { $0.isEmpty ? nil : $0 }
  }
}
