import Logging

/// A log handler that takes secrets of known shapes out of messages, metadata and errors before
/// they reach another handler.
///
/// It is a net below the rule that secrets are never logged, not a reason to log them.
package struct RedactingLogHandler: LogHandler {
  private var inner: any LogHandler

  package init(wrapping inner: any LogHandler) { self.inner = inner }

  package var logLevel: Logger.Level {
    get { inner.logLevel }
    set { inner.logLevel = newValue }
  }

  package var metadata: Logger.Metadata {
    get { inner.metadata }
    set { inner.metadata = newValue.mapValues(Self.redacted) }
  }

  package var metadataProvider: Logger.MetadataProvider? {
    get { inner.metadataProvider }
    set { inner.metadataProvider = newValue }
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { inner[metadataKey: key] }
    set { inner[metadataKey: key] = newValue.map(Self.redacted) }
  }

  package func log(event: LogEvent) {
    var event = event
    event.message = Logger.Message(stringLiteral: Redaction.redacted(event.message.description))
    var metadata = event.metadata?.mapValues(Self.redacted) ?? [:]
    if let provided = inner.metadataProvider?.get() {
      metadata.merge(provided.mapValues(Self.redacted)) { explicit, _ in explicit }
    }
    if let error = event.error {
      metadata[LogKey.error] = .string(Redaction.redacted("\(error)"))
      event.error = nil
    }
    event.metadata = metadata.isEmpty ? nil : metadata
    inner.log(event: event)
  }

  private static func redacted(_ value: Logger.Metadata.Value) -> Logger.Metadata.Value {
    switch value {
    case .string(let text): .string(Redaction.redacted(text))
    case .stringConvertible(let value): .string(Redaction.redacted(value.description))
    case .array(let values): .array(values.map(redacted))
    case .dictionary(let values): .dictionary(values.mapValues(redacted))
    }
  }
}
