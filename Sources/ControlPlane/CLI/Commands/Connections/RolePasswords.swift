import ArgumentParser
import Foundation
import GatewayModel

/// Where the passwords of database roles come from; never from the arguments themselves.
struct RolePasswords: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file with a role's password on its first line; just FILE where there is one role.",
      valueName: "role=file"))
  var passwordFile: [String] = []

  @Flag(
    help: """
      Read the passwords that no file gives from standard input, one line for each role in the \
      order of --role.
      """)
  var passwordStdin = false

  /// The password of each role, asked for at the terminal where nothing gives it.
  func read(for roles: [String]) throws(CLIFailure) -> [String: Secret] {
    var passwords: [String: Secret] = [:]
    for argument in passwordFile {
      let (role, file) = try Self.split(argument, roles: roles)
      let text = try InputFile.read(file, purpose: "the password of role \"\(role)\"")
      passwords[role] = Secret(
        text: try InputFile.secret(in: text, purpose: "password", source: "\"\(file)\""))
    }
    let open = roles.filter { passwords[$0] == nil }
    if passwordStdin {
      let text = try InputFile.read(
        .standardInput, named: "standard input", purpose: "the passwords")
      for (role, line) in try Self.assign(text, to: open) {
        passwords[role] = Secret(text: line)
      }
    } else {
      for role in open {
        passwords[role] = Secret(
          text: try SecretPrompt.read(
            "password of database role \"\(EscapedText.line(role))\"",
            instead: "give it with --password-file \(role)=FILE or --password-stdin"))
      }
    }
    return passwords
  }

  /// Which role a `--password-file` argument is for.
  static func split(
    _ argument: String, roles: [String]
  ) throws(CLIFailure) -> (role: String, file: String) {
    for role in roles where argument.hasPrefix("\(role)=") {
      return (role, String(argument.dropFirst(role.count + 1)))
    }
    if roles.count == 1, let only = roles.first, !argument.contains("=") { return (only, argument) }
    throw CLIFailure(
      .usage,
      "--password-file \"\(argument)\" is for none of the roles \(roles.joined(separator: ", "))",
      remedy: "write it as ROLE=FILE with a role that --role names")
  }

  /// One line for each role.
  static func assign(_ text: String, to roles: [String]) throws(CLIFailure) -> [(String, String)] {
    var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    guard lines.count == roles.count, !lines.contains("") else {
      throw CLIFailure(
        .usage,
        """
        standard input has \(lines.count) lines that could be passwords, \
        for \(roles.count) roles: \(roles.joined(separator: ", "))
        """,
        remedy: "write one password on a line for each role, in this order")
    }
    return Array(zip(roles, lines))
  }
}
