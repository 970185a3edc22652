import APIModel
import ArgumentParser
import Foundation

struct Tokens: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Short-lived tokens that clients give as their password.",
    subcommands: [IssueToken.self])
}

/// Whom a token is for.
struct TokenSubject: ParsableArguments {
  @Option(help: "The groups the subject is in, separated by commas.")
  var groups: [String] = []

  @Option(help: "What the subject is: user, service or ai_agent.")
  var kind = "user"

  @Option(help: "How long the token is good for; 15 minutes at most.")
  var ttl = DurationArgument(seconds: 900)

  func request(subject: String, connections: [String]) -> TokenRequest {
    TokenRequest(
      subject: subject, displayName: nil, groups: CommaList.items(groups), kind: kind,
      connections: connections, lifetimeSeconds: ttl.seconds)
  }
}

struct IssueToken: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "issue", abstract: "Issue a token for a person or service.",
    discussion: """
      The token alone goes to standard output, so that it can be piped.

      Example:
        sallyport tokens issue --subject alice@example.com --groups analysts \\
          --connection orders --ttl 15m --output alice.token
      """)

  @Option(help: "Whom it is for, such as alice@example.com.")
  var subject: String

  @Option(help: "A connection the token is good for; repeat it for more.")
  var connection: [String]

  @OptionGroup var about: TokenSubject

  @Option(help: "Write the token to this file, for its owner alone, instead.")
  var output: String?

  func perform() async throws {
    let names = CommaList.items(connection)
    let request = about.request(subject: subject, connections: names)
    let issued: IssuedToken = try await APIClient.withClient(ConfigurationSource().load()) {
      try await $0.post(Routes.tokens, body: request)
    }
    if let output {
      try PrivateFile.write(Array((issued.token + "\n").utf8), to: output)
    } else {
      try StandardOutput.line(EscapedText.line(issued.token))
    }
    StandardError.line(
      EscapedText.line(
        """
        Token \(issued.id) for \(subject) at \(names.joined(separator: ", ")), until \
        \(TimeText.shown(issued.expiresAt)) UTC\(output.map { ", in \($0)" } ?? "").
        """))
  }
}
