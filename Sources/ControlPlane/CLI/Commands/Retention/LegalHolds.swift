import APIModel
import ArgumentParser

struct LegalHolds: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hold", abstract: "Orders to keep records, whatever retention says.",
    subcommands: [AddHold.self, ListHolds.self, ReleaseHold.self])
}

struct AddHold: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Keep records until the hold is released.",
    discussion: """
      Days that have what the hold is about stay as a whole, and with them all later days. The \
      hold, and its release, stand in the control plane's own log.

      Example:
        sallyport retention hold add case-7 --connection orders --since 2026-03-01 \\
          --until 2026-04-01 --reason "asked by counsel"
      """)

  @Argument(help: "A name for it; it is not used again.")
  var name: String

  @Option(help: "Only this connection; without it everything.")
  var connection: String?

  @Option(help: "Only what happened from this time on.")
  var since: TimeArgument?

  @Option(help: "Only what happened before this time.")
  var until: TimeArgument?

  @Option(help: ArgumentHelp("Why; it is recorded.", valueName: "text"))
  var reason: String

  func perform() async throws {
    let draft = LegalHoldDraft(
      name: name, connection: connection, since: since?.rfc3339, until: until?.rfc3339,
      reason: reason)
    let hold: LegalHoldInfo = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.post(Routes.holds, body: draft)
    }
    StandardError.line(EscapedText.line("Hold \(hold.name) is in force."))
  }
}

struct ListHolds: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the legal holds, those that were released too.",
    discussion: """
      Example:
        sallyport retention hold list
      """)

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let holds: [LegalHoldInfo] = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.all(Routes.holds)
    }
    try Listing.write(
      holds, format: list.format,
      empty: "No holds. → sallyport retention hold add NAME --reason TEXT",
      columns: [
        Column("HOLD"), Column("CONNECTION", minimumWidth: 8),
        Column("SINCE", dropOrder: 1), Column("UNTIL", dropOrder: 2), Column("ADDED"),
        Column("BY", minimumWidth: 6, dropOrder: 3), Column("RELEASED"),
        Column("REASON", minimumWidth: 12),
      ]
    ) { hold in
      [
        Cell(EscapedText.line(hold.name)), Cell(EscapedText.line(hold.connection ?? "(all)")),
        Cell(hold.since.map { TimeText.shown($0) } ?? ""),
        Cell(hold.until.map { TimeText.shown($0) } ?? ""), Cell(TimeText.shown(hold.addedAt)),
        Cell(EscapedText.line(hold.addedBy)),
        Cell(hold.releasedAt.map { TimeText.shown($0) } ?? "in force"),
        Cell(EscapedText.line(hold.releaseReason ?? hold.reason)),
      ]
    }
  }
}

struct ReleaseHold: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "End a legal hold: retention decides again.",
    discussion: """
      Example:
        sallyport retention hold release case-7 --reason "settled"
      """)

  @Argument(help: "The hold's name.")
  var name: String

  @Option(help: ArgumentHelp("Why; it is recorded.", valueName: "text"))
  var reason: String

  func perform() async throws {
    let hold: LegalHoldInfo = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.post(Routes.holds, [name, "release"], body: ReleaseRequest(reason: reason))
    }
    StandardError.line(EscapedText.line("Hold \(hold.name) released."))
  }
}
