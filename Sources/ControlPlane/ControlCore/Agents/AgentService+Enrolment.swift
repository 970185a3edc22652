package import APIModel
internal import GatewayModel
internal import PeerIdentity
internal import Synchronization

extension AgentService {
  /// Enrols the agent that holds an invitation's secret. Needs no API token.
  ///
  /// A request that is refused as invalid does not spend the invitation.
  /// - Parameter address: Where the call came from.
  /// - Throws: `invalid` for a bad request, `unauthorized` when the invitation is unknown, spent
  ///   or expired, each with its own message.
  package func enrol(
    _ request: EnrollRequest, from address: String = ""
  ) async throws(ControlError) -> EnrollResponse {
    guard let secret = Hexadecimal.bytes(request.joinSecret), secret.count == 32 else {
      throw ControlError(
        .invalid, "joinSecret: it is not 64 hexadecimal digits.",
        remedy: "Use the join token as `sallyport agents invite` printed it.")
    }
    try Check.label(request.hostname, field: "hostname")
    try Check.label(request.agentVersion, field: "agentVersion", maximumBytes: 100)
    let auditKey = try Check.base64(request.auditPublicKey, bytes: 32, field: "auditPublicKey")
    let sealingKey = try Check.base64(
      request.sealingPublicKey, bytes: 32, field: "sealingPublicKey")
    let csr = try Self.request(request.csrPEM)

    let id = AgentID(surroundings.newIdentifier())
    let serial = surroundings.newIdentifier()
    let now = surroundings.now()
    let issued = Mutex("")
    let segment = Mutex("")
    let secretHash = Self.hash(secret)
    let entry = log.act(
      .enrolAgent, on: id.description, by: .stranger("join token", from: address)
    ) {
      [
        "segment": .text(segment.withLock { $0 }), "hostname": .text(request.hostname),
        "audit_key": .text(request.auditPublicKey), "version": .text(request.agentVersion),
      ]
    }
    let agent = try await store.recording(entry).enrol(secretHash: secretHash, at: now) {
      [keys, settings] invitation throws(ControlError) in
      let certificate = try keys.certify(
        csr, agent: id, segment: invitation.segment, names: invitation.names, generation: 1,
        serial: serial, settings: settings, now: now)
      // A run that lost to another transaction is followed by one more; the last counts.
      issued.withLock { $0 = certificate.chainPEM }
      segment.withLock { $0 = invitation.segment }
      var agent = EnrolledAgent(
        id: id, segment: invitation.segment, hostname: request.hostname,
        clientAddress: invitation.clientAddress, names: invitation.names,
        version: request.agentVersion, auditKey: auditKey, sealingKey: sealingKey,
        certificateFingerprint: certificate.fingerprint.description,
        certificateExpiresAt: certificate.notAfter, enrolledAt: now)
      agent.generation = 1
      agent.certificateKey = Self.keyDigest(csr)
      return agent
    }
    guard let agent else {
      throw Self.refusal(try await store.flaw(ofInvitation: secretHash))
    }
    surroundings.logger.notice(
      "agent enrolled",
      metadata: ["agent": "\(id)", "segment": "\(agent.segment)", "host": "\(agent.hostname)"])
    await bundles.issueDue(first: agent.segment)
    return EnrollResponse(
      agentID: id.description, organisation: settings.organisation, segment: agent.segment,
      certificateChainPEM: issued.withLock { $0 },
      authoritiesPEM: keys.authority.certificatePEM,
      policyPublicKeys: keys.policyPublicKeys, linkAddress: settings.linkAddress,
      clientAddress: agent.clientAddress, controlLog: keys.controlLog.description,
      auditPublicKey: keys.auditPublicKey,
      rootChain: keys.signing.envelopes(after: 0).map { Base64.text($0) })
  }

  private static func refusal(_ flaw: InvitationFlaw) -> ControlError {
    switch flaw {
    case .unknown:
      ControlError(
        .unauthorized, "The join token is not known here: its secret was never issued.",
        remedy: "Give the whole token, or make another with `sallyport agents invite`.")
    case .used(let time):
      ControlError(
        .unauthorized, "The join token was used at \(TimeText.text(time)).",
        remedy: "Make another with `sallyport agents invite`; each is good for one agent. If none"
          + " of yours used it, remove the one that did with `sallyport agents remove`.")
    case .expired(let time):
      ControlError(
        .unauthorized, "The join token expired at \(TimeText.text(time)).",
        remedy: "Make another with `sallyport agents invite`; --ttl makes it last longer.")
    }
  }

  static func request(_ pem: String) throws(ControlError) -> CertificateRequest {
    do {
      return try CertificateRequest(pem: pem)
    } catch {
      throw ControlError(
        .invalid, "csrPEM: \(error.message).", remedy: "Send PKCS #10 in PEM with a P-256 key.")
    }
  }
}
