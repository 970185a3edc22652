import ArgumentParser

/// The control plane's program.
@main
struct SallyportControl: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "sallyport-control",
    abstract: "The control plane: registers databases, enrols agents, keeps the audit.",
    discussion: """
      Example:
        export SALLYPORT_DATABASE=postgresql://sallyport@db.internal/sallyport
        sallyport-control serve --organisation example \\
          --database-password-file /etc/sallyport/database.password \\
          --key-file /etc/sallyport/control.key \\
          --public-url https://control.example.com:8443 \\
          --link-address control.example.com:8444

      Exit codes:
        0 done · 64 wrong arguments · 69 database not reachable
        70 unexpected failure · 71 an address to listen on cannot be had
        77 the database refuses the login · 78 configuration wrong: key file,
        certificate, URL, or a database of a newer version
      """,
    version: version,
    subcommands: [
      Serve.self, Migrate.self, Bootstrap.self, BackupHorizon.self, RotatePolicyKey.self,
      Version.self,
    ],
    defaultSubcommand: nil)
}
