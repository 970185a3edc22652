#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where log lines go.
package struct LogSink: Sendable {
  /// Takes one whole line with its newline; called from any thread.
  package let take: @Sendable (String) -> Void
  package init(take: @escaping @Sendable (String) -> Void) { self.take = take }

  /// Standard error, one `write` for each line so that lines of several threads do not mix.
  ///
  /// A line that cannot be written is dropped: a log that is full must not stop the traffic.
  package static let standardError = LogSink { line in
    var line = line
    line.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while let start = rest.baseAddress, !rest.isEmpty {
        let written = write(STDERR_FILENO, start, rest.count)
        if written < 0 && errno == EINTR { continue }
        guard written > 0 else { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }
  }
}
