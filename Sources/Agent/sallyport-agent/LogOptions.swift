import ArgumentParser
import Logging
import Telemetry

/// How much is logged, and in what form; always to standard error.
struct LogOptions: ParsableArguments {
  @Option(
    name: .customLong("log-level"),
    help: "trace, debug, info, notice, warning, error or critical.")
  var level: Logger.Level = .info

  @Option(name: .customLong("log-format"), help: "text or json.")
  var format: LogFormat = .text

  /// Call once, first of all.
  func install() -> PrometheusRegistry {
    TelemetryBootstrap.install(logFormat: format, logLevel: level)
  }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LogFormat: ExpressibleByArgument {}
