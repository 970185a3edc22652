import APIModel
import ArgumentParser

/// The filters of a question for statements, but for its times; the names are those of the API.
struct StatementFilterOptions: ParsableArguments {
  @Option(help: "The subject, such as alice@example.com.")
  var principal: [String] = []

  @Option(help: "A subject anywhere in the chain of actors; also the principal.")
  var actor: [String] = []

  @Option(help: "On whose behalf in the end: the last of the chain of actors.")
  var root: [String] = []

  @Option(help: "The connection's name.")
  var connection: [String] = []

  @Option(help: "The agent's id, or how it begins.")
  var agent: String?

  @Option(help: "The agents' segment.")
  var segment: [String] = []

  @Option(help: "The session's id.")
  var session: String?

  @Option(help: "Words that all stand in the SQL text, in any case and order.")
  var words: String?

  @Option(help: #"A table that the text names: orders, public.orders, "Orders"."#)
  var table: [String] = []

  @Option(help: "A command in the text: DELETE, DROP TABLE, or DROP for all that begin so.")
  var command: [String] = []

  @Option(
    help: """
      read, write, ddl, privilege, session, program, unknown, maintenance, lock, transaction or \
      setting.
      """)
  var effect: [String] = []

  @Option(help: "allowed or refused.")
  var decision: String?

  @Option(help: "The grant or rule that decided.")
  var rule: [String] = []

  @Option(help: "The policy of the grant or rule that decided.")
  var policy: [String] = []

  @Flag(help: "Only what a rule or grant that observes was about.")
  var observed = false

  @Flag(help: "Only what was judged by a policy that was stale.")
  var stale = false

  @Option(
    help: "completed, failed, suspended, skipped, unknown, or refused (also refused entries).")
  var outcome: [String] = []

  @Option(help: "More rows than this were returned or affected.")
  var rowsOver: Int?

  @Option(help: "SHA-256 of the text, hexadecimal.")
  var digest: [String] = []

  @Option(help: "The SQLSTATE of a failure, or the first two characters for a class.")
  var sqlstate: [String] = []

  var filter: StatementFilter {
    StatementFilter(
      principal: principal, actor: actor, root: root, connection: connection, agent: agent,
      segment: segment, session: session, words: words, table: table, command: command,
      effect: effect, decision: decision, rule: rule, policy: policy,
      observed: observed ? "true" : nil, stale: stale ? "true" : nil, outcome: outcome,
      rowsOver: rowsOver, digest: digest, sqlstate: sqlstate)
  }
}
