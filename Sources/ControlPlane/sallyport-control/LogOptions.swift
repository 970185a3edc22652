import ArgumentParser
import Logging
import Telemetry

/// How much is logged, and in what form; always to standard error.
struct LogOptions: ParsableArguments {
  @Option(
    name: .customLong("log-level"),
    help: "trace, debug, info, notice, warning, error or critical.",
    transform: { text in
      guard let level = Logger.Level(rawValue: text) else {
        let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("\"\(text)\" is no log level: give one of \(names).")
      }
      return level
    })
  var level: Logger.Level = .info

  @Option(name: .customLong("log-format"), help: "text or json.")
  var format: LogFormat = .text

  /// Call once, first of all.
  func install() -> PrometheusRegistry {
    TelemetryBootstrap.install(logFormat: format, logLevel: level)
  }
}

extension LogFormat: ExpressibleByArgument {}
