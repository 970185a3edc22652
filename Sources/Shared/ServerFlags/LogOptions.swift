package import ArgumentParser
package import Logging
package import Telemetry

/// How much a server logs, and in what form; always to standard error.
package struct LogOptions: ParsableArguments {
  @Option(
    name: .customLong("log-level"),
    help: "trace, debug, info, notice, warning, error or critical.",
    transform: Self.level)
  package var level: Logger.Level = .info

  @Option(name: .customLong("log-format"), help: "text or json.")
  package var format: LogFormat = .text

  package init() {}

  /// Call once, first of all.
  ///
  /// - Returns: the metrics registry of the process.
  package func install() -> PrometheusRegistry {
    TelemetryBootstrap.install(logFormat: format, logLevel: level)
  }

  private static func level(_ text: String) throws -> Logger.Level {
    guard let level = Logger.Level(rawValue: text) else {
      let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("\"\(text)\" is no log level: give one of \(names).")
    }
    return level
  }
}

extension LogFormat: ExpressibleByArgument {}
