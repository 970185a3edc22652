import ArgumentParser

/// The agent's program.
@main
struct SallyportAgent: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "sallyport-agent",
    abstract: "The gateway next to the databases: checks, records and passes every statement.",
    discussion: """
      Example:
        sallyport-agent enroll --server https://control.example.com:8443 \\
          --token-file join.token --state /var/lib/sallyport-agent
        sallyport-agent serve --state /var/lib/sallyport-agent --listen 0.0.0.0:6432 \\
          --health-listen 127.0.0.1:9632

      Exit codes:
        0 done · 1 health: not well · 64 wrong arguments · 69 control plane not reachable
        70 unexpected failure · 71 an address to listen on cannot be had
        73 a folder or file cannot be written · 75 another agent runs on the state folder
        77 the control plane refused, or is not the one the join token names
        78 not enrolled, enrolled already, a certificate, key or state that cannot be used, or
           nothing to accept
      """,
    version: version,
    subcommands: [
      Enroll.self, Serve.self, Status.self, Health.self, AcceptControlLog.self,
    ])
}
