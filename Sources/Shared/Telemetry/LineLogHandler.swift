import Logging

/// A log handler that writes one line for each event, as text or JSON, times in UTC.
///
/// Control characters are escaped, so that no value can forge a line.
package struct LineLogHandler: LogHandler {
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let format: LogFormat
  private let sink: LogSink

  package init(format: LogFormat, level: Logger.Level, sink: LogSink) {
    self.format = format
    logLevel = level
    self.sink = sink
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var merged = metadata
    if let explicit = event.metadata {
      merged.merge(explicit) { _, explicit in explicit }
    }
    if let error = event.error { merged[LogKey.error] = "\(error)" }
    let pairs = merged.sorted { $0.key < $1.key }
    let time = UTCTimestamp.now()
    switch format {
    case .text:
      var line = "\(time) \(event.level.rawValue.uppercased()) "
      line += LogText.escaped(event.message.description)
      for (key, value) in pairs { line += " \(key)=\(LogText.textValue(value))" }
      sink.take(line + "\n")
    case .json:
      var line = "{\"time\":\"\(time)\",\"level\":\"\(event.level.rawValue)\",\"message\":"
      line += LogText.jsonString(event.message.description)
      line += ",\"source\":\(LogText.jsonString(event.source))"
      for (key, value) in pairs {
        line += ",\(LogText.jsonString(key)):\(LogText.jsonValue(value))"
      }
      sink.take(line + "}\n")
    }
  }
}
