import ArgumentParser

/// The command line for operators, users and auditors.
@main
struct Sallyport: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "sallyport",
    abstract: "Every statement attributed, checked and recorded before it reaches PostgreSQL.",
    discussion: """
      Examples:
        sallyport login --server https://control.example.com:8443 \\
          --ca-fingerprint sha256:… --token-file bootstrap.token
        sallyport agents invite --segment eu-prod --address db-gw.example.com:6432
        sallyport connections add orders postgresql://app@db.internal/shop --segment eu-prod
        sallyport grants add --group analysts --connection orders --role app --effects read
        sallyport policy apply policies/ --dry-run
        sallyport connect orders --subject alice@example.com --groups analysts
        sallyport audit query --connection orders --since 1h --words "delete orders"

      Environment:
        SALLYPORT_SERVER, SALLYPORT_CA_FILE, SALLYPORT_API_TOKEN, SALLYPORT_API_TOKEN_FILE
        stand in for what `login` stores; SALLYPORT_CONFIG names another configuration file.
        NO_COLOR turns colours off; COLUMNS sets the width of tables.

      Exit codes:
        0 done · 1 failed, refused as invalid, or a check that found something wrong
        2 no such connection, agent, grant or session · 64 wrong arguments
        69 control plane not reachable, not trusted or not ready
        77 not logged in or not permitted · 78 configuration wrong · 130 Ctrl-C
        `connect` ends with the exit code of the program it started.
      """,
    version: version,
    subcommands: [
      Login.self, Status.self, Connect.self, Connections.self, Agents.self, Policies.self,
      Grants.self, Tokens.self, Audit.self, Sessions.self, Retention.self, AuthorityCommand.self,
    ])
}
