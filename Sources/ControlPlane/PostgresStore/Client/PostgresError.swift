/// What went wrong between this program and its database.
struct PostgresError: Error, Sendable, Equatable {
  enum Code: Sendable, Equatable {
    /// No connection could be made.
    case unreachable
    /// The connection broke; whether a statement under way took effect is not known.
    case connectionLost
    /// No connection became free in time, or the pool is closed.
    case busy
    /// The server refused a statement.
    case server
    /// The server answered with something that this program does not expect.
    case unexpected
  }

  var code: Code
  var message: String
  /// Of a refused statement, five characters; else empty.
  var sqlstate: String = ""
  /// Of a refused statement, the constraint that was broken.
  var constraint: String = ""

  /// Whether the same act can succeed later without anyone changing anything.
  var isTransient: Bool {
    switch code {
    case .unreachable, .connectionLost, .busy: true
    // Resources, operator intervention, read-only standby, and conflicts between transactions.
    case .server:
      ["53", "57", "40", "55"].contains(sqlstate.prefix(2)) || sqlstate == "25006"
    case .unexpected: false
    }
  }

  /// Whether the transaction was ended by the server for the sake of another, so that running it
  /// again is safe: nothing of it took effect.
  var isConflict: Bool { sqlstate == "40001" || sqlstate == "40P01" }

  /// Whether the data of a statement was refused: class 22, 23 or 54.
  var isAboutData: Bool {
    code == .server && ["22", "23", "54"].contains(sqlstate.prefix(2))
  }

  var remedy: String? {
    switch code {
    case .unreachable: "Check that PostgreSQL runs there and that the URL of --database is right."
    case .connectionLost: "Try again; when it stays, look into the log of the database."
    case .busy: "Try again; when it stays, the database is too slow for what is asked of it."
    case .server where sqlstate.hasPrefix("28") || sqlstate == "3D000":
      "Check the user, the password and the database name in the URL of --database."
    case .server where sqlstate == "42501":
      "Let the user of the database URL own the schema \"sallyport\"."
    case .server, .unexpected: isTransient ? "Try again in a moment." : nil
    }
  }
}
