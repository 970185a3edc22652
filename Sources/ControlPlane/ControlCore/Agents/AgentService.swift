package import APIModel
internal import Crypto
internal import GatewayModel

/// Invites, lists and removes agents; the extensions enrol them and hear what they say.
package struct AgentService: Sendable {
  static let invitationSeconds = 15 * 60
  static let maximumInvitationSeconds = 7 * 24 * 3600
  static let maximumNames = 32

  let store: any AgentStore
  let bundles: BundleService
  let tests: ConnectionTests
  let keys: ControlKeys
  let log: ControlLog
  let settings: ControlSettings
  let surroundings: Surroundings

  /// Makes a join token for one agent.
  ///
  /// - Throws: `invalid` naming the field.
  package func invite(
    _ draft: InvitationDraft, by caller: Caller
  ) async throws(ControlError) -> Invitation {
    try Check.name(draft.segment, field: "segment")
    let host = try Check.hostAndPort(draft.clientAddress, field: "clientAddress")
    guard draft.names.count <= Self.maximumNames else {
      throw Check.invalid(
        "names", "\(draft.names.count) names", "Name at most \(Self.maximumNames).")
    }
    for name in draft.names { try Check.host(name, field: "names") }
    let lifetime = draft.lifetimeSeconds ?? Self.invitationSeconds
    guard (1...Self.maximumInvitationSeconds).contains(lifetime) else {
      throw Check.invalid(
        "lifetimeSeconds", "\(lifetime)",
        "Use 1 to \(Self.maximumInvitationSeconds) seconds.")
    }
    let secret = surroundings.randomBytes(32)
    let now = surroundings.now()
    let expiresAt = now.advanced(bySeconds: Int64(lifetime))
    let entry = log.act(.inviteAgent, on: draft.segment, by: caller) {
      [
        "client_address": .text(draft.clientAddress), "names": .texts(draft.names),
        "expires": .text(TimeText.text(expiresAt)),
      ]
    }
    try await store.recording(entry).invite(
      StoredInvitation(
        secretHash: Self.hash(secret), segment: draft.segment,
        clientAddress: draft.clientAddress, names: [host] + draft.names.filter { $0 != host },
        createdAt: now, expiresAt: expiresAt))
    surroundings.log(
      "agent invited", by: caller,
      ["segment": draft.segment, "address": draft.clientAddress])
    let token = JoinToken(
      secretHex: Hexadecimal.text(secret),
      authorityFingerprintHex: keys.authorityFingerprintHex)
    return Invitation(joinToken: token.text, expiresAt: TimeText.text(expiresAt))
  }

  /// The agents that were not removed.
  package func list(by caller: Caller) async throws(ControlError) -> [AgentInfo] {
    let versions = try await bundles.currentVersions()
    let now = surroundings.now()
    return try await store.agents(segment: nil, includingRemoved: false).map {
      $0.info(at: now, currentBundleVersion: versions[$0.segment] ?? 0, settings)
    }
  }

  /// The one agent whose id is or begins with `prefix`, also a removed one.
  ///
  /// - Throws: `notFound`, or `invalid` when several begin so.
  package func show(_ prefix: String, by caller: Caller) async throws(ControlError) -> AgentInfo {
    let agent = try await found(prefix)
    let versions = try await bundles.currentVersions()
    return agent.info(
      at: surroundings.now(), currentBundleVersion: versions[agent.segment] ?? 0, settings)
  }

  /// Removes an agent; its link is cut within a poll interval at every replica.
  ///
  /// - Throws: `notFound`, or `invalid` when several ids begin so.
  package func remove(_ prefix: String, by caller: Caller) async throws(ControlError) {
    let agent = try await found(prefix)
    let entry = log.act(.removeAgent, on: agent.id.description, by: caller) {
      ["segment": .text(agent.segment), "hostname": .text(agent.hostname)]
    }
    guard try await store.recording(entry).remove(agent.id, at: surroundings.now()) else {
      throw ControlError(
        .notFound, "The agent \"\(agent.id)\" was removed before.",
        remedy: "See `sallyport agents list` for those there are.")
    }
    surroundings.log(
      "agent removed", by: caller, ["agent": "\(agent.id)", "segment": agent.segment])
    await bundles.issueDue(first: agent.segment)
  }

  /// Ends the quarantine of an agent: its records are taken again, and what has come from two
  /// writers of it at once is accepted.
  ///
  /// - Throws: `notFound`, `invalid` without a reason, `conflict` when it is in no quarantine.
  package func release(
    _ prefix: String, _ request: ReleaseRequest, by caller: Caller
  ) async throws(ControlError) -> AgentInfo {
    guard (1...500).contains(request.reason.utf8.count) else {
      throw Check.invalid(
        "reason", "\(request.reason.utf8.count) bytes", "Say in 1 to 500 bytes what was found.")
    }
    let agent = try await found(prefix)
    let entry = log.act(.releaseAgent, on: agent.id.description, by: caller) {
      ["reason": .text(request.reason)]
    }
    guard try await store.recording(entry).release(agent.id) else {
      throw ControlError(
        .conflict, "The agent \"\(agent.id)\" is in no quarantine.",
        remedy: "See `sallyport agents list`.")
    }
    surroundings.log(
      "agent released from quarantine", by: caller,
      ["agent": "\(agent.id)", "reason": request.reason])
    return try await show(agent.id.description, by: caller)
  }

  /// The keys that credentials of a segment are sealed to.
  package func sealingKeys(
    segment: String, by caller: Caller
  ) async throws(ControlError) -> [SealingKey] {
    try Check.name(segment, field: "segment")
    return try await store.agents(segment: segment, includingRemoved: false).map {
      SealingKey(agentID: $0.id.description, publicKey: Base64.text($0.sealingKey))
    }
  }

  private func found(_ prefix: String) async throws(ControlError) -> EnrolledAgent {
    let digits = prefix.lowercased()
    guard (1...36).contains(digits.utf8.count),
      digits.allSatisfy({ $0.isHexDigit || $0 == "-" })
    else {
      throw Check.invalid("agent", prefix, "Use an agent's id, or its first characters.")
    }
    let found = try await store.agents(withIDPrefix: digits)
    guard let agent = found.first else {
      throw ControlError(
        .notFound, "There is no agent whose id begins with \"\(digits)\".",
        remedy: "See `sallyport agents list` for those there are.")
    }
    guard found.count == 1 else {
      throw Check.invalid("agent", prefix, "\(found.count) ids begin so: give more characters.")
    }
    return agent
  }

  static func hash(_ secret: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: secret)) }
}

extension WallTime {
  /// Saturates.
  func advanced(bySeconds seconds: Int64) -> WallTime {
    let (product, tooFar) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflow) = unixNanoseconds.addingReportingOverflow(product)
    guard !tooFar, !overflow else { return WallTime(unixNanoseconds: seconds < 0 ? .min : .max) }
    return WallTime(unixNanoseconds: sum)
  }
}
