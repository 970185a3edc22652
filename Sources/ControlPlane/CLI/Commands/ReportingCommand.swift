import ArgumentParser
import Foundation

/// A command whose failures are told in two lines, what failed and what to do, and whose exit
/// code is that of ``CLIExit``.
protocol ReportingCommand: AsyncParsableCommand {
  func perform() async throws
}

extension ReportingCommand {
  func run() async throws {
    do {
      try await perform()
    } catch let failure as CLIFailure {
      let colour = Terminal.standardError().colour
      for line in failure.lines(colour: colour) { StandardError.line(line) }
      throw ExitCode(failure.status.rawValue)
    }
  }
}

/// The format of a listing.
enum ListFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
  case table
  case json
}

/// The format of a stream of rows.
enum StreamFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
  case table
  /// JSON Lines, as is `jsonl`.
  case json
  case jsonl
  case csv
}

/// The option that every listing has.
struct ListOptions: ParsableArguments {
  @Option(help: "table, for people, or json, for programs.")
  var format: ListFormat = .table
}

/// A duration given as an argument, such as `15m`.
struct DurationArgument: ExpressibleByArgument, Sendable {
  var seconds: Int

  init?(argument: String) {
    guard let seconds = DurationText.seconds(argument) else { return nil }
    self.seconds = seconds
  }

  init(seconds: Int) { self.seconds = seconds }

  var defaultValueDescription: String {
    seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
  }
}
