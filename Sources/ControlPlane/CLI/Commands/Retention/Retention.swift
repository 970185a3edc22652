import APIModel
import ArgumentParser

struct Retention: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "How long the audit trail is kept, what must be kept, and what may go.",
    subcommands: [ShowRetention.self, SetRetention.self, LegalHolds.self, RunRetention.self])
}

struct ShowRetention: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show how long records are kept.",
    discussion: """
      Example:
        sallyport retention show
      """)

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let info: RetentionInfo = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.get(Routes.retention)
    }
    try RetentionText.write(info, list.format)
  }
}

/// Words for how long records are kept.
enum RetentionText {
  static func period(_ days: Int?) -> String { days.map { "\($0)d" } ?? "for ever" }

  static func write(_ info: RetentionInfo, _ format: ListFormat) throws {
    guard format == .table else { return try StandardOutput.line(JSONText.pretty(info)) }
    let rows =
      [[Cell("(fleet's default)"), Cell(period(info.fleetDays))]]
      + info.connections.map { [Cell(EscapedText.line($0.connection)), Cell(period($0.days))] }
    try Listing.write(Table(columns: [Column("CONNECTION"), Column("KEPT")], rows: rows))
  }
}

/// How long something is kept, as an argument.
enum RetentionArgument: ExpressibleByArgument, Equatable, Sendable {
  case days(Int)
  case forever
  /// As the fleet has it.
  case fleet

  init?(argument: String) {
    switch argument {
    case "forever": self = .forever
    case "default": self = .fleet
    default:
      guard let seconds = DurationText.seconds(argument), seconds % 86_400 == 0 else {
        return nil
      }
      self = .days(seconds / 86_400)
    }
  }
}

struct SetRetention: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Set how long the records of a connection are kept.",
    discussion: """
      Nothing is removed by it: see `sallyport retention run`. A day goes as a whole, when every \
      connection that has a session or statement in it lets it, and no legal hold covers it. What \
      belongs to no connection, such as heartbeats, is kept as long as the fleet's default says.

      Examples:
        sallyport retention set 365d
        sallyport retention set 90d --connection orders
        sallyport retention set forever --connection payroll
        sallyport retention set default --connection orders
      """)

  @Argument(help: "Whole days or weeks, such as 90d; forever; or default, as the fleet has it.")
  var period: RetentionArgument

  @Option(help: "The connection; without it the fleet's default is set.")
  var connection: String?

  @OptionGroup var list: ListOptions

  func validate() throws {
    if period == .fleet, connection == nil {
      throw ValidationError("default goes with --connection.")
    }
  }

  var change: RetentionChange {
    switch period {
    case .days(let days): RetentionChange(connection: connection, days: days)
    case .forever: RetentionChange(connection: connection, days: nil)
    case .fleet: RetentionChange(connection: connection, days: nil, followsFleet: true)
    }
  }

  func perform() async throws {
    let change = change
    let info: RetentionInfo = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.post(Routes.retention, body: change)
    }
    try RetentionText.write(info, list.format)
  }
}
