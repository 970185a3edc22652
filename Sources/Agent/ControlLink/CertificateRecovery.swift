internal import APIModel
internal import AgentState
internal import Crypto
internal import GatewayModel
internal import Logging
internal import PeerIdentity
internal import SystemClock

/// Gets a certificate in the place of one that has expired, after an outage that was longer.
///
/// The agent proves itself by the expired certificate, its key and the agent's audit key, over
/// HTTPS: with the certificate alone nobody can attach any more.
struct CertificateRecovery: Sendable {
  let state: AgentState
  let enrolment: Enrolment
  let logger: Logger

  /// The identity to dial with: the kept one while its certificate is good, else a new one.
  ///
  /// - Returns: With whether it is a new one.
  /// - Throws: ``LinkError`` when the control plane refuses or cannot be reached.
  func identity() async throws -> (TLSIdentity, isNew: Bool) {
    let kept = try await state.tlsIdentity()
    guard try PeerCertificate(firstOfPEM: kept.certificateChainPEM).notAfter <= WallTime.now()
    else {
      return (kept, false)
    }
    let recovered = try await recover(kept)
    logger.notice("certificate recovered")
    return (recovered, true)
  }

  private func recover(_ kept: TLSIdentity) async throws -> TLSIdentity {
    guard let server = enrolment.serverURL else {
      throw LinkError(
        code: .identity,
        message: "the agent's certificate has expired, and its state does not say where the control"
          + " plane's API is: enrol the agent again in an empty state folder")
    }
    let pending = try await PendingRenewal.next(in: state, for: enrolment.agent)
    var request = RecoverRequest(
      agentID: enrolment.agent.description, certificatePEM: kept.certificateChainPEM,
      csrPEM: pending.requestPEM,
      unixMilliseconds: WallTime.now().unixNanoseconds / 1_000_000)
    let key = try P256.Signing.PrivateKey(pemRepresentation: kept.privateKeyPEM.text)
    let auditKey = try Curve25519.Signing.PrivateKey(
      rawRepresentation: try await state.keys().audit.bytes)
    request.tlsSignature = try key.signature(for: request.signedBytes).derRepresentation
      .base64EncodedString()
    request.auditSignature = try auditKey.signature(for: request.signedBytes)
      .base64EncodedString()
    let authorities = try await state.enrolment().authoritiesPEM
    let answer: RecoverResponse = try await ControlAPICall(server: server).post(
      Routes.recover, request, authoritiesPEM: authorities)
    let identity = TLSIdentity(
      privateKeyPEM: pending.privateKeyPEM, certificateChainPEM: answer.certificateChainPEM)
    _ = try IssuedIdentity.check(
      identity, authoritiesPEM: answer.authoritiesPEM, agent: enrolment.agent,
      organisation: enrolment.organisation, segment: enrolment.segment)
    try await state.renew(identity, authoritiesPEM: answer.authoritiesPEM)
    return identity
  }
}
