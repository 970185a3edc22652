import CLibPQ
internal import ControlCore

/// Where the database is, and how to log in to it; its password shows in no textual form.
struct DatabaseAddress: Sendable {
  /// The URL as libpq reads it, with the password.
  let url: String
  /// The same for messages: without the password.
  let display: String
  private let password: String?

  /// - Throws: `invalid`, without quoting anything that may be a password.
  init(url: String) throws(ControlError) {
    let remedy =
      "Give it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with every special character of"
      + " the parts percent-encoded, or leave the password to PGPASSFILE."
    guard
      let scheme = ["postgresql://", "postgres://"].first(where: { url.hasPrefix($0) })
    else {
      throw ControlError(
        .invalid, "The database URL does not begin with \"postgresql://\".", remedy: remedy)
    }
    // libpq takes an unescaped '@' or '/' in a password for the end of a part, and then quotes the
    // rest of the password as a host or port: such a URL must not reach it.
    let rest = url.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let beyond = rest.dropFirst(authority.count)
    guard authority.count(where: { $0 == "@" }) <= 1, !beyond.contains("@"), !rest.contains("#")
    else {
      throw ControlError(
        .invalid, "The database URL has an '@' or '#' in a place where it is ambiguous.",
        remedy: remedy)
    }
    guard let options = PQconninfoParse(url, nil) else {
      throw ControlError(.invalid, "The database URL cannot be read.", remedy: remedy)
    }
    defer { PQconninfoFree(options) }
    var values: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        values[String(cString: keyword)] = String(cString: value)
      }
      option += 1
    }
    self.url = url
    password = values["password"]
    let user = values["user"].map { "\($0)@" } ?? ""
    let port = values["port"].map { ":\($0)" } ?? ""
    let host = values["host"] ?? values["hostaddr"] ?? ""
    display = "postgresql://\(user)\(host)\(port)/\(values["dbname"] ?? "")"
  }

  /// A message of libpq or the server without the password, should it stand in it.
  func redacted(_ message: String) -> String {
    guard let password, !password.isEmpty else { return message }
    return message.split(separator: password, omittingEmptySubsequences: false)
      .joined(separator: "<redacted>")
  }
}

extension DatabaseAddress: CustomStringConvertible, CustomReflectable {
  var description: String { display }
  var customMirror: Mirror { Mirror(self, children: ["display": display]) }
}
