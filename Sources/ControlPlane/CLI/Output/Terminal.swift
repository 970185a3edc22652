import Foundation

/// What is known about where output goes.
struct Terminal: Sendable, Equatable {
  var isTerminal: Bool
  /// Cells in a line; `nil` when output may be as wide as it likes.
  var width: Int?
  /// Whether escape sequences for colours may be written.
  var colour: Bool

  static func standardOutput() -> Terminal { of(descriptor: STDOUT_FILENO) }
  static func standardError() -> Terminal { of(descriptor: STDERR_FILENO) }

  /// Output to a file: as wide as it likes, without colours.
  static let file = Terminal(isTerminal: false, measuredWidth: nil, environment: [:])

  private static func of(descriptor: Int32) -> Terminal {
    let isTerminal = isatty(descriptor) == 1
    var size = winsize()
    let measured =
      isTerminal && ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
      ? Int(size.ws_col) : nil
    return Terminal(
      isTerminal: isTerminal, measuredWidth: measured,
      environment: ProcessInfo.processInfo.environment)
  }

  /// - Parameter measuredWidth: What the terminal says of itself. `COLUMNS` goes before it. A
  ///   terminal that says nothing has 80; output to a file or a pipe is never cut.
  init(isTerminal: Bool, measuredWidth: Int?, environment: [String: String]) {
    self.isTerminal = isTerminal
    let columns = environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    width = columns ?? (isTerminal ? measuredWidth ?? 80 : nil)
    let noColour = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
    colour = isTerminal && !noColour && environment["TERM"] != "dumb"
  }
}

/// How a piece of text is set off.
enum Style: String, Sendable {
  case heading = "1"
  case failure = "31"
  case success = "32"
  case warning = "33"
  case faint = "2"

  func applied(to text: String, colour: Bool) -> String {
    colour ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
  }
}
