import Logging
import Synchronization

/// Keeps the log lines of a test.
final class LogLines: Sendable {
  struct Line: Sendable {
    var level: Logger.Level
    var message: String
    var metadata: [String: String]
  }

  private let kept = Mutex<[Line]>([])
  var all: [Line] { kept.withLock { $0 } }
  var logger: Logger { Logger(label: "tests") { _ in Handler(lines: self) } }

  private struct Handler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let merged = metadata.merging(event.metadata ?? [:]) { _, new in new }
      lines.kept.withLock {
        $0.append(
          Line(
            level: event.level, message: event.message.description,
            metadata: merged.mapValues(\.description)))
      }
    }
  }
}
