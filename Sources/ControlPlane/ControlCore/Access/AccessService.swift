package import APIModel
internal import Crypto
package import GatewayModel

/// Who may use the API: the one-time bootstrap token of the first start, and API tokens.
package struct AccessService: Sendable {
  static let bootstrapPrefix = "spb_"
  static let tokenPrefix = "spt_"
  static let secretBytes = 32

  let store: any AccessStore
  let log: ControlLog
  let surroundings: Surroundings

  /// The bootstrap token on the first start of the organisation's first replica, `nil` ever after.
  ///
  /// Show it once to whoever started the program; only its hash is kept.
  package func bootstrapToken() async throws(ControlError) -> Secret? {
    let token = newToken(prefix: Self.bootstrapPrefix)
    let created = try await store.recording(
      log.act(.createBootstrapToken, on: "", by: .controlPlane)
    ).createBootstrapToken(hash: Self.hash(token), at: surroundings.now())
    return created ? Secret(text: token) : nil
  }

  /// Whether ``bootstrapToken()`` gives none any more.
  package func hasBootstrapToken() async throws(ControlError) -> Bool {
    try await store.hasBootstrapToken()
  }

  /// Takes back a bootstrap token that reached nobody: the next start offers another.
  package func withdraw(bootstrapToken token: Secret) async throws(ControlError) {
    try await store.recording(log.act(.withdrawBootstrapToken, on: "", by: .controlPlane))
      .withdrawBootstrapToken(hash: Self.hash(token.text))
    surroundings.logger.warning("bootstrap token withdrawn")
  }

  /// A new bootstrap token in place of the last, for an organisation that lost its own.
  package func replaceBootstrapToken() async throws(ControlError) -> Secret {
    let token = newToken(prefix: Self.bootstrapPrefix)
    try await store.recording(log.act(.replaceBootstrapToken, on: "", by: .controlPlane))
      .replaceBootstrapToken(hash: Self.hash(token), at: surroundings.now())
    surroundings.logger.warning("bootstrap token replaced")
    return Secret(text: token)
  }

  /// Turns the bootstrap token into an administrator's API token.
  ///
  /// - Parameter address: Where the call came from.
  /// - Throws: `unauthorized` when it is wrong or spent, `invalid` for an unusable name.
  package func bootstrap(
    _ request: BootstrapRequest, from address: String = ""
  ) async throws(ControlError) -> BootstrapResponse {
    try Check.label(request.name, field: "name")
    let token = newToken(prefix: Self.tokenPrefix)
    let stored = StoredAPIToken(
      id: surroundings.newIdentifier(), name: request.name, hash: Self.hash(token),
      role: .admin, createdAt: surroundings.now())
    let entry = log.act(
      .createAPIToken, on: stored.id.description,
      by: .stranger("bootstrap token", from: address)
    ) { ["name": .text(stored.name), "role": .text(stored.role.rawValue)] }
    guard
      try await store.recording(entry).redeemBootstrapToken(
        hash: Self.hash(request.bootstrapToken), for: stored)
    else {
      throw ControlError(
        .unauthorized, "The bootstrap token is wrong or was used before.",
        remedy: """
          Use the token that the control plane printed at its first start; when it is lost, \
          make another with `sallyport-control bootstrap`.
          """)
    }
    surroundings.logger.notice(
      "api token created",
      metadata: ["caller": "\(stored.id)", "name": "\(stored.name)", "by": "bootstrap"])
    return BootstrapResponse(apiToken: token)
  }

  /// Who holds `bearer`, the text after `Bearer ` in the header; `nil` when there was none.
  ///
  /// - Parameter address: Where the call came from.
  /// - Throws: `unauthorized` when it is missing or unknown.
  package func authenticate(
    bearer: String?, from address: String = ""
  ) async throws(ControlError) -> Caller {
    guard let bearer, !bearer.isEmpty else {
      throw ControlError(
        .unauthorized, "The request has no API token.",
        remedy: "Send it as `Authorization: Bearer TOKEN`.")
    }
    // The look-up is by hash, so its timing tells nothing about the token's characters.
    guard bearer.utf8.count <= 256, let token = try await store.apiToken(hash: Self.hash(bearer))
    else {
      throw ControlError(
        .unauthorized, "The API token is not known here.",
        remedy: "Check that it belongs to this control plane.")
    }
    return Caller(tokenID: token.id, name: token.name, role: token.role, address: address)
  }

  private func newToken(prefix: String) -> String {
    prefix + Hexadecimal.text(surroundings.randomBytes(Self.secretBytes))
  }

  static func hash(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }
}
