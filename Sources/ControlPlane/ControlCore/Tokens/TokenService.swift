package import APIModel
internal import GatewayModel
internal import SessionToken

/// Issues session tokens.
package struct TokenService: Sendable {
  static let maximumGroups = 200
  static let maximumConnections = 100

  let connections: any ConnectionStore
  let keys: ControlKeys
  let log: ControlLog
  let settings: ControlSettings
  let surroundings: Surroundings

  /// Issues a token for a principal that the administrator vouches for.
  ///
  /// - Throws: `invalid` naming the field, `notFound` for an unknown connection.
  package func issue(
    _ request: TokenRequest, by caller: Caller
  ) async throws(ControlError) -> IssuedToken {
    try Check.label(request.subject, field: "subject")
    if let displayName = request.displayName {
      try Check.label(displayName, field: "displayName")
    }
    guard let kind = Principal.Kind(rawValue: request.kind) else {
      let kinds = Principal.Kind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw Check.invalid("kind", request.kind, "Use one of \(kinds).")
    }
    guard request.groups.count <= Self.maximumGroups else {
      throw Check.invalid(
        "groups", "\(request.groups.count) groups", "Name at most \(Self.maximumGroups).")
    }
    for group in request.groups { try Check.label(group, field: "groups") }
    // identity.md allows no longer ones: an agent learns of a revocation by the token's end.
    let longest = TokenIssuer.maximumLifetimeSeconds
    guard (1...longest).contains(request.lifetimeSeconds) else {
      throw Check.invalid(
        "lifetimeSeconds", "\(request.lifetimeSeconds)",
        "Use 1 to \(longest) seconds (\(longest / 60) minutes).")
    }
    try await checkConnections(request.connections)
    return try await sign(request, kind, caller)
  }

  private func checkConnections(_ names: [String]) async throws(ControlError) {
    guard (1...Self.maximumConnections).contains(names.count) else {
      throw Check.invalid(
        "connections", "\(names.count) connections",
        "Name 1 to \(Self.maximumConnections) connections that the token is good for.")
    }
    let known = Set(try await connections.connections().map(\.connection.name))
    for name in names where !known.contains(name) { throw ConnectionService.unknown(name) }
  }

  private func sign(
    _ request: TokenRequest, _ kind: Principal.Kind, _ caller: Caller
  ) async throws(ControlError) -> IssuedToken {
    let issued: TokenIssuer.Issued
    do {
      issued = try await keys.tokenIssuer.issue(
        TokenIssuer.Request(
          subject: request.subject, displayName: request.displayName, groups: request.groups,
          kind: kind, connections: request.connections,
          lifetimeSeconds: request.lifetimeSeconds),
        tokenID: surroundings.newIdentifier(), now: surroundings.now())
    } catch {
      throw ControlError(.invalid, "Issuing the token was refused: \(error.message).")
    }
    // It leaves here only when it is recorded.
    let tokenID = issued.tokenID
    let expiresAt = TimeText.text(issued.expiresAt)
    try await log.store.append(
      log.act(.issueSessionToken, on: request.subject, by: caller) {
        [
          "token_id": .text(tokenID), "kind": .text(kind.rawValue),
          "groups": .texts(request.groups), "connections": .texts(request.connections),
          "expires": .text(expiresAt),
        ]
      })
    surroundings.log(
      "session token issued", by: caller,
      [
        "token_id": issued.tokenID, "subject": request.subject,
        "connections": request.connections.joined(separator: ","),
        "expires": TimeText.text(issued.expiresAt),
      ])
    return IssuedToken(
      token: issued.token.text, id: issued.tokenID, expiresAt: TimeText.text(issued.expiresAt))
  }
}
