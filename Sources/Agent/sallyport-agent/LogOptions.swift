import ArgumentParser
import Logging
import Telemetry

/// How much is logged, and in what form; always to standard error.
struct LogOptions: ParsableArguments {
  @Option(
    name: .customLong("log-level"),
    help: "trace, debug, info, notice, warning, error or critical.",
    transform: Self.level)
  var level: Logger.Level = .info

  @Option(name: .customLong("log-format"), help: "text or json.")
  var format: LogFormat = .text

  private static func level(_ text: String) throws -> Logger.Level {
    guard let level = Logger.Level(rawValue: text) else {
      throw ValidationError(
        "\"\(text)\" is not one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))."
      )
    }
    return level
  }

  /// Call once, first of all.
  func install() -> PrometheusRegistry {
    TelemetryBootstrap.install(logFormat: format, logLevel: level)
  }
}

extension LogFormat: ExpressibleByArgument {}
