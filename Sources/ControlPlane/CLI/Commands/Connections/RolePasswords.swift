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
  ///
  /// - Parameter certified: The roles with a certificate, which have a password only by a file.
  func read(
    for roles: [String], certified: Set<String> = []
  ) throws(CLIFailure) -> [String: Secret] {
    var passwords: [String: Secret] = [:]
    for argument in passwordFile {
      let (role, file) = try RoleFile.split(
        argument, option: "--password-file", roles: roles)
      let text = try InputFile.read(file, purpose: "the password of role \"\(role)\"")
      passwords[role] = Secret(
        text: try InputFile.secret(in: text, purpose: "password", source: "\"\(file)\""))
    }
    let open = roles.filter { passwords[$0] == nil && !certified.contains($0) }
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
