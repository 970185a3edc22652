internal import APIModel
internal import GatewayModel
internal import X509

extension ConnectionDraft {
  /// The most roles of a connection, and labels of one.
  static let maximumRoles = 100
  static let maximumLabels = 64
  /// The most bytes of PEM; a system's whole set of authorities fits.
  static let maximumAuthoritiesBytes = 512 * 1024

  /// The connection that the draft describes.
  ///
  /// - Parameter agents: The agents of the segment; a credential must be sealed to one of them.
  /// - Throws: `invalid` naming the field.
  func checked(
    id: Identifier128, agents: Set<AgentID>
  ) throws(ControlError) -> Connection {
    try Check.name(name, field: "name")
    try Check.name(segment, field: "segment")
    try checkHost()
    let port = try Check.port(port, field: "port")
    try Check.serverName(database, field: "database")
    guard let mode = ServerTLSMode(rawValue: tls) else {
      let modes = ServerTLSMode.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw Check.invalid("tls", tls, "Use one of \(modes).")
    }
    try checkAuthorities(mode)
    try checkLabels()
    try checkMaximumRows()
    let durability = try checkedDurability()
    return Connection(
      id: id, name: name, segment: segment, host: host, port: port, database: database,
      tls: mode, authoritiesPEM: authoritiesPEM, labels: labels,
      roles: try checkedRoles(agents: agents, mode: mode),
      allowsFunctionCalls: allowsFunctionCalls == true ? true : nil, maximumRows: maximumRows,
      durability: durability == .powerSafe ? .powerSafe : nil)
  }

  private func checkedDurability() throws(ControlError) -> Durability? {
    guard let durability else { return nil }
    guard let known = Durability(rawValue: durability) else {
      let all = Durability.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw Check.invalid("durability", durability, "Use one of \(all), or leave it out.")
    }
    return known
  }

  private func checkMaximumRows() throws(ControlError) {
    guard let maximumRows, !Connection.rowLimits.contains(maximumRows) else { return }
    throw Check.invalid(
      "maximumRows", "\(maximumRows)",
      "Use a number from \(Connection.rowLimits.lowerBound) to "
        + "\(Connection.rowLimits.upperBound), or leave it out.")
  }

  private func checkHost() throws(ControlError) {
    guard host.hasPrefix("/") else {
      try Check.host(host, field: "host")
      return
    }
    // sun_path holds 108 bytes with the server's file name and a closing zero.
    guard host.utf8.count <= 90, !host.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      throw Check.invalid("host", host, "Use the folder of the Unix socket, at most 90 bytes.")
    }
  }

  private func checkAuthorities(_ mode: ServerTLSMode) throws(ControlError) {
    guard let authoritiesPEM else { return }
    guard mode == .verifyCA || mode == .verifyFull else {
      throw ControlError(
        .invalid, "authoritiesPEM: the TLS mode \"\(tls)\" checks no certificate.",
        remedy: "Use \"verify-full\" or \"verify-ca\", or leave the authorities out.")
    }
    let marks = authoritiesPEM.ranges(of: "-----BEGIN CERTIFICATE-----").map(\.lowerBound)
    guard authoritiesPEM.utf8.count <= Self.maximumAuthoritiesBytes, !marks.isEmpty else {
      throw ControlError(
        .invalid, "authoritiesPEM: it holds no certificate, or more than 512 KiB.",
        remedy: "Send the authorities' certificates in PEM.")
    }
    for (index, start) in marks.enumerated() {
      let end = index + 1 < marks.count ? marks[index + 1] : authoritiesPEM.endIndex
      do {
        _ = try Certificate(pemEncoded: String(authoritiesPEM[start..<end]))
      } catch {
        throw ControlError(
          .invalid, "authoritiesPEM: certificate number \(index + 1) cannot be read.",
          remedy: "Send the authorities' certificates in PEM.")
      }
    }
  }

  private func checkLabels() throws(ControlError) {
    guard labels.count <= Self.maximumLabels else {
      throw Check.invalid(
        "labels", "\(labels.count) labels", "Use at most \(Self.maximumLabels).")
    }
    for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
      try Check.name(key, field: "labels")
      if !value.isEmpty { try Check.label(value, field: "labels.\(key)") }
    }
  }

  private func checkedRoles(
    agents: Set<AgentID>, mode: ServerTLSMode
  ) throws(ControlError) -> [DatabaseRole] {
    guard (1...Self.maximumRoles).contains(roles.count) else {
      throw ControlError(
        .invalid,
        "roles: a connection has 1 to \(Self.maximumRoles) database roles, not "
          + "\(roles.count).",
        remedy: "Name the roles that sessions log in as.")
    }
    var checked: [DatabaseRole] = []
    for role in roles {
      try Check.serverName(role.name, field: "roles.name")
      guard !checked.contains(where: { $0.name == role.name }) else {
        throw Check.invalid("roles.name", role.name, "Name each role once.")
      }
      var sealed: [SealedCredential] = []
      for draft in role.credentials {
        let credential = try draft.checked(agents: agents, segment: segment)
        guard !sealed.contains(where: { $0.agent == credential.agent }) else {
          throw Check.invalid(
            "roles.credentials.agentID", draft.agentID, "Send one credential for each agent.")
        }
        sealed.append(credential)
      }
      try checkKinds(of: sealed, role: role.name, mode: mode)
      checked.append(DatabaseRole(name: role.name, credentials: sealed))
    }
    return checked
  }
  /// All of a role are of one kind, and a certificate is shown where there is TLS.
  private func checkKinds(
    of credentials: [SealedCredential], role: String, mode: ServerTLSMode
  ) throws(ControlError) {
    let field = "roles.credentials.kind"
    guard let kind = credentials.first?.sealedKind else { return }
    guard credentials.allSatisfy({ $0.sealedKind == kind }) else {
      throw ControlError(
        .invalid, "\(field): the credentials of role \"\(role)\" are of more than one kind.",
        remedy: "Seal the same to every agent of the segment.")
    }
    guard !kind.hasCertificate || (mode != .disable && !host.hasPrefix("/")) else {
      throw ControlError(
        .invalid,
        "\(field): role \"\(role)\" has a client certificate, and the way to the server has no TLS.",
        remedy: "Use \"verify-full\" and a host name or address, or give the role a password.")
    }
  }
}
