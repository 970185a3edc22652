internal import GatewayModel
internal import PostgresWire

/// What the replies have said of the execution that the server works on.
struct ExecutionProgress: Equatable, Sendable {
  /// Rows that command tags counted.
  private var taggedRows: UInt64 = 0
  /// Rows since the last command tag.
  private var untaggedRows: UInt64 = 0
  /// Rows that went to the client, of all commands.
  private(set) var returnedRows = 0
  /// Further rows are withheld: there were more than the connection allows.
  private(set) var isRefused = false
  private var bytes: UInt64 = 0
  private var commands: UInt32 = 0
  private var tag = ""
  private var sqlstate = ""
  private var message = ""
  private(set) var hasFailed = false

  mutating func note(bytes count: Int) { bytes &+= UInt64(clamping: count) }
  mutating func note(rows: Int) {
    untaggedRows &+= UInt64(clamping: rows)
    returnedRows &+= rows
  }

  /// The execution ends as refused, whatever the server says of it.
  mutating func refuse(_ refusal: StatementRefusal) {
    isRefused = true
    sqlstate = refusal.sqlstate
    message = refusal.message
  }

  mutating func complete(_ command: BackendMessage.CommandComplete) {
    taggedRows &+= command.rows ?? untaggedRows
    untaggedRows = 0
    commands &+= 1
    tag = command.tag.cut(toBytes: Self.maximumTagBytes)
  }

  /// PostgreSQL's own bound of a command tag (`COMPLETION_TAG_BUFSIZE`).
  static let maximumTagBytes = 64

  mutating func completeEmpty() { commands &+= 1 }

  mutating func fail(_ error: ServerError) {
    hasFailed = true
    sqlstate = error.sqlstate
    message = error.message
  }

  func ended(
    _ statement: StatementID, _ outcome: StatementEnded.Outcome, since: MonotonicTime,
    at now: MonotonicTime
  ) -> StatementEnded {
    var end = StatementEnded(statement: statement, outcome: isRefused ? .refused : outcome)
    end.sqlstate = sqlstate
    end.message = message
    end.commandTag = tag
    end.rows = taggedRows &+ untaggedRows
    end.bytes = bytes
    end.commands = commands
    end.serverNanoseconds = now.nanoseconds(since: since)
    end.totalNanoseconds = end.serverNanoseconds
    return end
  }
}

extension String {
  /// At most so many bytes of UTF-8, cut where a scalar ends.
  func cut(toBytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var left = limit
    let kept = unicodeScalars.prefix { scalar in
      left -= UTF8.width(scalar)
      return left >= 0
    }
    return String(kept)
  }
}
