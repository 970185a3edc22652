import Foundation

/// Standard output, written whole and in order.
enum StandardOutput {
  /// Writes all of the text; ends the command quietly when the reader has gone away.
  static func write(_ text: String) throws {
    try writeAll(Array(text.utf8), to: STDOUT_FILENO)
  }

  static func line(_ text: String) throws { try write(text + "\n") }
}

/// Standard error: hints and failures, never data.
enum StandardError {
  static func line(_ text: String) { write(text + "\n") }

  static func write(_ text: String) {
    // Nobody is left to tell when standard error is closed.
    try? writeAll(Array(text.utf8), to: STDERR_FILENO)
  }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws {
  var rest = bytes[...]
  while !rest.isEmpty {
    let written = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    if written >= 0 {
      rest = rest.dropFirst(written)
      continue
    }
    switch errno {
    case EINTR: continue
    case EPIPE: throw CLIFailure(.closedPipe, "")
    case EAGAIN:
      // The descriptor was made non-blocking by another process: wait until it takes more.
      var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      _ = poll(&poller, 1, 1000)
    case let code:
      throw CLIFailure(
        .failed, "writing the output failed: \(String(cString: strerror(code)))",
        remedy: "check the disk or the program that reads it")
    }
  }
}
