import Foundation

/// Asks for a secret at the terminal without showing it.
enum SecretPrompt {
  /// Reads one line from the controlling terminal with echo off; echo is put back also when the
  /// person presses Ctrl-C.
  ///
  /// - Parameters:
  ///   - purpose: What is asked for, as it stands in a sentence: `password of role "app"`.
  ///   - instead: What to give where there is no terminal to ask at.
  static func read(_ purpose: String, instead: String) throws(CLIFailure) -> String {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard terminal >= 0 else {
      throw CLIFailure(.usage, "there is no terminal to ask for the \(purpose) at", remedy: instead)
    }
    defer { close(terminal) }
    var original = termios()
    guard tcgetattr(terminal, &original) == 0 else {
      throw CLIFailure(.usage, "the terminal does not take the \(purpose)", remedy: instead)
    }
    // Signals are off too, and Ctrl-C, Ctrl-D and Enter end the line: this process must still be
    // there to put the settings back.
    var hidden = original
    hidden.c_lflag &= ~tcflag_t(ECHO | ISIG | ICANON)
    tcsetattr(terminal, TCSAFLUSH, &hidden)
    defer {
      tcsetattr(terminal, TCSAFLUSH, &original)
      show("\n", at: terminal)
    }
    show("\(purpose.prefix(1).uppercased())\(purpose.dropFirst()): ", at: terminal)
    return try line(from: terminal, purpose: purpose)
  }

  private static func line(from terminal: Int32, purpose: String) throws(CLIFailure) -> String {
    var bytes: [UInt8] = []
    while bytes.count < 4096 {
      var byte: UInt8 = 0
      let count = Foundation.read(terminal, &byte, 1)
      if count < 0 && errno == EINTR { continue }
      guard count == 1 else { break }
      switch byte {
      case 0x03, 0x1C: throw CLIFailure(.interrupted, "")
      case 0x04, 0x0A, 0x0D:
        guard !bytes.isEmpty else {
          throw CLIFailure(.usage, "the \(purpose) is empty", remedy: "type it and press Enter")
        }
        return String(decoding: bytes, as: UTF8.self)
      case 0x08, 0x7F:
        // One character back, which may be several bytes.
        while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
      case 0x15: bytes.removeAll()
      default: bytes.append(byte)
      }
    }
    throw CLIFailure(.failed, "reading the \(purpose) from the terminal failed")
  }

  private static func show(_ text: String, at terminal: Int32) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Foundation.write(terminal, $0.baseAddress, $0.count) }
  }
}
