/// What the shell learns from the end of a command; the numbers follow `sysexits.h`.
enum CLIExit: Int32, Sendable, CaseIterable {
  /// The command could not do what it was asked.
  case failed = 1
  /// The named connection, agent, grant or session does not exist.
  case notFound = 2
  /// Wrong arguments.
  case usage = 64
  /// The control plane cannot be reached, is not trusted, or is not ready.
  case unavailable = 69
  /// No token, or a token that does not permit this.
  case forbidden = 77
  /// The configuration is missing or wrong.
  case configuration = 78
  /// Ended by Ctrl-C.
  case interrupted = 130
  /// Standard output was closed by its reader.
  case closedPipe = 141
}

/// Why a command ends: what failed with the value that was wrong, and what to do about it.
struct CLIFailure: Error, Equatable {
  var status: CLIExit
  /// One line; empty for an end that needs no words.
  var message: String
  /// What to do about it.
  var remedy: String?
  /// The control plane's code where it refused: see ``APIModel/APIErrorBody/code``.
  var apiCode: String?
  /// Lines that stand before the message, escaped.
  var details: [String] = []

  init(_ status: CLIExit, _ message: String, remedy: String? = nil, apiCode: String? = nil) {
    self.apiCode = apiCode
    self.status = status
    self.message = message
    self.remedy = remedy
  }

  /// The lines for standard error. They may quote a server, so control characters are escaped.
  func lines(colour: Bool) -> [String] {
    guard !message.isEmpty else { return [] }
    let label = Style.failure.applied(to: "Error:", colour: colour)
    let first = "\(label) \(EscapedText.line(message))"
    return details + [first] + (remedy.map { ["→ \(EscapedText.line($0))"] } ?? [])
  }
}
