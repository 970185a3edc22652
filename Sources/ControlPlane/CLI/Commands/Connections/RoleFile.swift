/// An argument that names a file for a role: `ROLE=FILE`, or just `FILE` where there is one role.
enum RoleFile {
  /// Which role an argument is for.
  ///
  /// - Parameter option: With its dashes, for the message.
  static func split(
    _ argument: String, option: String, roles: [String]
  ) throws(CLIFailure) -> (role: String, file: String) {
    for role in roles where argument.hasPrefix("\(role)=") {
      return (role, String(argument.dropFirst(role.count + 1)))
    }
    if roles.count == 1, let only = roles.first, !argument.contains("=") { return (only, argument) }
    throw CLIFailure(
      .usage,
      "\(option) \"\(argument)\" is for none of the roles \(roles.joined(separator: ", "))",
      remedy: "write it as ROLE=FILE with a role that --role names")
  }
}
