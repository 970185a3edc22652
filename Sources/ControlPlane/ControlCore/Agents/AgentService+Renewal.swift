package import APIModel
internal import AuditLog
internal import Crypto
package import GatewayModel
internal import PeerIdentity
internal import Synchronization

extension AgentService {
  /// How far the clock of a recovering agent may be off.
  static let recoveryToleranceSeconds: Int64 = 600

  /// A new certificate for an agent that is attached with the old one.
  ///
  /// - Parameter generation: That of the certificate it is attached with.
  /// - Throws: `forbidden` when it is unknown, removed or locked, or is locked by this: another host
  ///   has renewed with the same identity.
  package func renew(
    _ id: AgentID, csrPEM: String, presenting generation: UInt64
  ) async throws(ControlError) -> RenewedCertificate {
    _ = try await admit(id)
    return try await issue(
      id, try Self.request(csrPEM), presenting: generation, recoveredAt: nil, as: .renewAgent)
  }

  /// A new certificate for an agent whose last one has expired, by that, its key and the agent's
  /// audit key. Needs no API token.
  ///
  /// - Throws: `unauthorized` for a proof that is none, is old or was used before; `conflict` while
  ///   the certificate is good; `forbidden` when the agent is unknown, removed, quarantined or
  ///   locked; `invalid`.
  package func recover(
    _ request: RecoverRequest
  ) async throws(ControlError) -> RecoverResponse {
    let csr = try Self.request(request.csrPEM)
    let certificate = try proven(request)
    let identity: AgentIdentity
    do {
      identity = try certificate.agentIdentity()
    } catch {
      throw Self.unproven("its certificate is not an agent's")
    }
    guard identity.organisation == settings.organisation,
      identity.agent.description == request.agentID
    else { throw Self.unproven("its certificate is of \(identity.uri)") }
    let agent = try await admit(identity.agent)
    guard agent.quarantine == nil else {
      throw ControlError(
        .forbidden, "The agent \"\(agent.id)\" is in quarantine.",
        remedy: "Find out why with `sallyport agents list`, then run `sallyport agents release`.")
    }
    try checkAuditSignature(request, of: agent)
    let renewed = try await issue(
      agent.id, csr, presenting: certificate.generation, recoveredAt: request.time,
      as: .recoverAgent)
    return RecoverResponse(
      certificateChainPEM: renewed.chainPEM, authoritiesPEM: renewed.authoritiesPEM)
  }

  // MARK: Proof

  /// The expired certificate, with the signature of its key over the request found good.
  private func proven(_ request: RecoverRequest) throws(ControlError) -> PeerCertificate {
    guard let certificate = try? PeerCertificate(firstOfPEM: request.certificatePEM),
      keys.certificates.issued(certificate)
    else { throw Self.unproven("its certificate was not issued here") }
    let signature = try Check.base64(request.tlsSignature, field: "tlsSignature")
    guard certificate.isValidSignature(signature, for: request.signedBytes) else {
      throw Self.unproven("it is not signed by the certificate's key")
    }
    let now = surroundings.now()
    guard certificate.notAfter <= now else {
      throw ControlError(
        .conflict, "The agent's certificate is good until \(TimeText.text(certificate.notAfter)).",
        remedy: "Let the agent renew it over its link.")
    }
    let tolerance = Self.recoveryToleranceSeconds
    guard request.time > now.advanced(bySeconds: -tolerance),
      request.time < now.advanced(bySeconds: tolerance)
    else {
      throw Self.unproven("it was made at \(TimeText.text(request.time)); check the agent's clock")
    }
    return certificate
  }

  private func checkAuditSignature(
    _ request: RecoverRequest, of agent: EnrolledAgent
  ) throws(ControlError) {
    let signature = try Check.base64(request.auditSignature, field: "auditSignature")
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: agent.auditKey),
      key.isValidSignature(signature, for: request.signedBytes)
    else { throw Self.unproven("it is not signed by the agent's audit key") }
  }

  private static func unproven(_ reason: String) -> ControlError {
    ControlError(
      .unauthorized, "The request proves no agent: \(reason).",
      remedy: "Invite the agent anew with `sallyport agents invite`, then enrol it.")
  }

  // MARK: Issuing

  private func issue(
    _ id: AgentID, _ csr: CertificateRequest, presenting generation: UInt64,
    recoveredAt: WallTime?, as action: ControlAction
  ) async throws(ControlError) -> RenewedCertificate {
    let now = surroundings.now()
    let serial = surroundings.newIdentifier()
    let told = Mutex<RenewalVerdict?>(nil)
    let entry = log.entry {
      .act(Self.record(told.withLock { $0 }, of: id, as: action))
    }
    let verdict = try await store.recording(entry).renew(id, at: now) {
      agent throws(ControlError) in
      let verdict = try judge(
        agent, csr, presenting: generation, serial: serial, recoveredAt: recoveredAt, now: now)
      // A run that lost to another transaction is followed by one more; the last counts.
      told.withLock { $0 = verdict }
      return verdict
    }
    switch verdict {
    case .issued(let renewed):
      surroundings.logger.info(
        "agent certificate renewed",
        metadata: [
          "agent": "\(id)", "generation": "\(renewed.generation)",
          "expires": "\(TimeText.text(renewed.expiresAt))",
        ])
      return renewed
    case .locked(let reason):
      surroundings.logger.error(
        "agent locked", metadata: ["agent": "\(id)", "reason": "\(reason)"])
      await bundles.lookAgain()
      throw Self.locked(id)
    }
  }

  private func judge(
    _ agent: EnrolledAgent, _ csr: CertificateRequest, presenting presented: UInt64,
    serial: Identifier128, recoveredAt: WallTime?, now: WallTime
  ) throws(ControlError) -> RenewalVerdict {
    // Again, under the lock of the row.
    guard agent.removedAt == nil else { throw Self.removed(agent.id) }
    guard agent.lockedAt == nil else { throw Self.locked(agent.id) }
    if let recoveredAt, let last = agent.recoveredAt, recoveredAt <= last {
      throw Self.unproven("it was used before")
    }
    let key = Self.keyDigest(csr)
    let generation: UInt64
    switch RenewalStep(held: agent, presented: presented, key: key) {
    case .next(let number), .again(let number): generation = number
    case .clone:
      return .locked(
        reason: "cloned identity: a certificate of generation \(presented) asked for another key,"
          + " but generation \(agent.generation) is the newest: another host has renewed with the"
          + " same identity")
    }
    let certificate = try keys.certify(
      csr, agent: agent.id, segment: agent.segment, names: agent.names, generation: generation,
      serial: serial, settings: settings, now: now)
    return .issued(
      RenewedCertificate(
        chainPEM: certificate.chainPEM, authoritiesPEM: keys.authority.certificatePEM,
        generation: generation, key: key, fingerprint: certificate.fingerprint.description,
        expiresAt: certificate.notAfter, recoveredAt: recoveredAt))
  }

  private static func record(
    _ verdict: RenewalVerdict?, of id: AgentID, as action: ControlAction
  ) -> ControlActRecord {
    let (action, detail): (ControlAction, ActDetail) =
      switch verdict {
      case .issued(let renewed):
        (
          action,
          [
            "generation": .number(Int(clamping: renewed.generation)),
            "fingerprint": .text(renewed.fingerprint),
            "expires": .text(TimeText.text(renewed.expiresAt)),
          ]
        )
      case .locked(let reason): (.lockAgent, ["reason": .text(reason)])
      case nil: (action, [:])
      }
    return ControlActRecord(
      caller: .agent(id), action: action.rawValue, subject: id.description, detail: detail.json)
  }

  static func keyDigest(_ csr: CertificateRequest) -> [UInt8] {
    Array(SHA256.hash(data: csr.publicKey.rawRepresentation))
  }
}

extension RecoverRequest {
  /// When it was made; saturates.
  var time: WallTime {
    let (product, overflow) = unixMilliseconds.multipliedReportingOverflow(by: 1_000_000)
    return WallTime(
      unixNanoseconds: overflow ? (unixMilliseconds < 0 ? .min : .max) : product)
  }
}
