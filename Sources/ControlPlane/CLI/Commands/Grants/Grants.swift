import APIModel
import ArgumentParser

struct Grants: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Who may enter which connection, as which database role.",
    subcommands: [AddGrant.self, ListGrants.self, RemoveGrant.self])
}

struct AddGrant: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Let a group or a principal enter a connection.",
    discussion: """
      Without a grant nobody enters. It becomes a policy of its own, grant-NAME; see \
      `sallyport policy show`. Effects are read, write, ddl, privilege, program, unknown, \
      maintenance, lock and session; `all` is every one but session.

      Examples:
        sallyport grants add --group analysts --connection orders --role readonly --effects read
        sallyport grants add --principal bob@example.com --connection orders --role app
      """)

  @Option(help: "The group of principals it is for.")
  var group: String?

  @Option(help: "The subject of the one principal it is for.")
  var principal: String?

  @Option(help: "The connection's name.")
  var connection: String

  @Option(help: "The database role that sessions run as.")
  var role: String

  @Option(help: "The grant's name. (default: made from the others)")
  var name: String?

  @Option(help: "What statements may do, such as read,write. (default: all)")
  var effects: [String] = []

  @Option(help: "The most rows that one statement may return. (default: any number)")
  var maxRows: Int?

  func validate() throws {
    guard (group == nil) != (principal == nil) else {
      throw ValidationError("Give exactly one of --group and --principal.")
    }
  }

  func perform() async throws {
    let draft = GrantDraft(
      name: name, principal: principal, group: group, connection: connection, role: role,
      effects: effects.isEmpty ? nil : CommaList.items(effects), maximumRows: maxRows)
    let grant: GrantInfo = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.post(Routes.grants, body: draft)
    }
    StandardError.line(
      EscapedText.line(
        """
        Grant "\(grant.name)": \(grantee(grant)) may enter "\(grant.connection)" \
        as \(grant.role), effects \(grant.effects.joined(separator: ", ")).
        """))
  }
}

struct ListGrants: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the grants of all policies, in their order.",
    discussion: """
      Example:
        sallyport grants list --format json
      """)

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let items: [GrantInfo] = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.all(Routes.grants)
    }
    try Listing.write(
      items, format: list.format,
      empty: "No grants yet: nobody may enter. → sallyport grants add --group G …",
      columns: [
        Column("NAME", minimumWidth: 12), Column("FOR", minimumWidth: 12),
        Column("CONNECTION", minimumWidth: 10), Column("ROLE", minimumWidth: 8),
        Column("EFFECTS", minimumWidth: 8, dropOrder: 2),
        Column("POLICY", minimumWidth: 8, dropOrder: 3),
        Column("SINCE (UTC)", dropOrder: 1),
      ]
    ) { grant in
      [
        Cell(EscapedText.line(grant.name)), Cell(EscapedText.line(grantee(grant))),
        Cell(EscapedText.line(grant.connection)), Cell(EscapedText.line(grant.role)),
        Cell(EscapedText.line(effects(grant))), Cell(EscapedText.line(grant.policy)),
        Cell(TimeText.shown(grant.createdAt)),
      ]
    }
  }
}

struct RemoveGrant: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Take back a grant that `grants add` made.",
    discussion: """
      Those of other policies are taken out there; see `sallyport policy apply`.

      Example:
        sallyport grants remove analysts-orders-readonly
      """)

  @Argument(help: "The grant's name.")
  var name: String

  func perform() async throws {
    try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.delete(Routes.grants, [name])
    }
    StandardError.line("Grant \"\(EscapedText.line(name))\" removed.")
  }
}

private func grantee(_ grant: GrantInfo) -> String {
  grant.group.map { "group \($0)" } ?? grant.principal ?? grant.to
}

private func effects(_ grant: GrantInfo) -> String {
  let words = grant.effects.joined(separator: ",")
  return grant.mode == "observe" ? "\(words) (observes)" : words
}
