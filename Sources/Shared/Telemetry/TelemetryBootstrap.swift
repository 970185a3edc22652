import Logging
import Metrics

/// How log lines are written.
package enum LogFormat: String, Sendable, CaseIterable {
  /// One line for people: time, level, message, then metadata as `key=value`.
  case text
  /// One JSON object a line.
  case json
}

/// Joins the process's logging and metrics to what this module provides.
///
/// Only an executable calls it, once, before anything logs or makes a metric.
package enum TelemetryBootstrap {
  /// Installs the log handler (standard error, secrets redacted) and the metrics registry.
  ///
  /// - Returns: the registry, whose ``PrometheusRegistry/exposition()`` answers `/metrics`.
  package static func install(
    logFormat: LogFormat, logLevel: Logger.Level
  ) -> PrometheusRegistry {
    LoggingSystem.bootstrap { _ in
      RedactingLogHandler(
        wrapping: LineLogHandler(format: logFormat, level: logLevel, sink: .standardError))
    }
    let registry = PrometheusRegistry()
    MetricName.describe(in: registry)
    MetricsSystem.bootstrap(registry)
    return registry
  }
}
