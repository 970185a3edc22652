package import Logging
import Synchronization

/// The log lines of a test, kept, each with its logger's metadata.
package final class LogLines: Sendable {
  package struct Line: Sendable {
    package var level: Logger.Level
    package var message: String
    package var metadata: [String: String]
  }

  private let kept = Mutex<[Line]>([])

  package init() {}

  package var all: [Line] { kept.withLock { $0 } }
  package var logger: Logger { Logger(label: "tests") { _ in Handler(lines: self) } }

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
