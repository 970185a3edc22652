internal import APIModel
package import AgentState
internal import Crypto
internal import Foundation
package import GatewayModel
internal import NIOSSL
internal import PeerIdentity
internal import SignedBundle

/// Joins an agent with its control plane by a one-use join token.
package struct Enroller: Sendable {
  private let server: String
  private let token: JoinToken
  private let hostname: String
  private let agentVersion: String

  /// - Parameter server: The control plane's URL, `https://host:port`.
  /// - Throws: ``LinkError`` `argument` when the URL or the token is not one.
  package init(
    server: String, token: Secret, hostname: String, agentVersion: String
  ) throws(LinkError) {
    let trimmed = server.hasSuffix("/") ? String(server.dropLast()) : server
    guard let url = URL(string: trimmed), url.scheme == "https", url.host?.isEmpty == false,
      url.path.isEmpty, url.query == nil, url.user == nil
    else {
      throw LinkError(
        code: .argument,
        message: "\"\(server.prefix(300))\" is not the URL of a control plane: write"
          + " https://host:port")
    }
    guard
      let token = JoinToken(text: token.text.trimmingCharacters(in: .whitespacesAndNewlines))
    else {
      throw LinkError(
        code: .argument,
        message: "the join token is not one: give the whole line that `sallyport agents invite`"
          + " printed, beginning with \"\(JoinToken.prefix)\"")
    }
    self.server = trimmed
    self.token = token
    self.hostname = hostname
    self.agentVersion = agentVersion
  }

  /// Joins and keeps what was agreed; the agent's keys are made here and never leave.
  ///
  /// - Throws: ``LinkError``, or `AgentStateError` `alreadyEnrolled` before anything is sent.
  package func enrol(into state: AgentState, now: WallTime) async throws -> Enrolment {
    if try await state.isEnrolled() {
      throw AgentStateError(
        code: .alreadyEnrolled,
        message: "the agent in \"\(state.path)\" is enrolled already: to join again, give --state"
          + " an empty folder")
    }
    let authority = try await authorityPEM()
    let tlsKey = P256.Signing.PrivateKey()
    let auditKey = Curve25519.Signing.PrivateKey()
    let sealingKey = Curve25519.KeyAgreement.PrivateKey()
    let request = EnrollRequest(
      joinSecret: token.secretHex,
      csrPEM: try CertificateRequest.make(key: tlsKey, commonName: hostname),
      auditPublicKey: auditKey.publicKey.rawRepresentation.base64EncodedString(),
      sealingPublicKey: sealingKey.publicKey.rawRepresentation.base64EncodedString(),
      hostname: hostname, agentVersion: agentVersion)
    let answer = try await join(request, authorityPEM: authority)
    let identity = TLSIdentity(
      privateKeyPEM: Secret(text: tlsKey.pemRepresentation),
      certificateChainPEM: answer.certificateChainPEM)
    let enrolment = try check(answer, identity: identity, now: now)
    let roots = try roots(of: answer)
    try await state.enrol(
      enrolment,
      keys: AgentKeys(
        audit: Secret(auditKey.rawRepresentation), sealing: Secret(sealingKey.rawRepresentation)),
      identity: identity, roots: roots)
    return enrolment
  }

  /// The authority's certificate, fetched from a server that cannot be trusted yet and then held
  /// against the fingerprint in the join token.
  private func authorityPEM() async throws(LinkError) -> String {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.certificateVerification = .none
    let info: AuthorityInfo = try await ControlAPICall(server: server).call(
      Routes.authority, posting: nil, tls: tls)
    do {
      // The certificate alone counts, not what the answer says its fingerprint is.
      let certificates = try PeerCertificate.derOfEach(inPEM: info.certificatePEM)
      guard certificates.count == 1,
        Fingerprint(der: certificates[0]) == Fingerprint(text: token.authorityFingerprintHex)
      else {
        throw LinkError(
          code: .untrusted,
          message: "the server at \(server) is not the control plane that made this join token:"
            + " its authority's fingerprint is not the token's; check the address, and that"
            + " nobody is in between")
      }
    } catch let error as LinkError {
      throw error
    } catch {
      throw LinkError(
        code: .answer,
        message: "the server at \(server) does not answer as a control plane (\(error)): check the"
          + " address")
    }
    return info.certificatePEM
  }

  private func join(
    _ request: EnrollRequest, authorityPEM: String
  ) async throws(LinkError) -> EnrollResponse {
    try await ControlAPICall(server: server).post(
      Routes.enroll, request, authoritiesPEM: authorityPEM)
  }

  private func check(
    _ answer: EnrollResponse, identity: TLSIdentity, now: WallTime
  ) throws(LinkError) -> Enrolment {
    guard let id = Identifier128(text: answer.agentID) else {
      throw LinkError(
        code: .answer,
        message: "the control plane gave the agent the id \"\(answer.agentID.prefix(100))\", which"
          + " is not one: check that agent and control plane are of the same release")
    }
    _ = try Endpoint(answer.linkAddress)
    try checkControlLog(answer)
    _ = try IssuedIdentity.check(
      identity, authoritiesPEM: answer.authoritiesPEM, agent: AgentID(id),
      organisation: answer.organisation, segment: answer.segment)
    return Enrolment(
      agent: AgentID(id), organisation: answer.organisation, segment: answer.segment,
      linkAddress: answer.linkAddress, clientAddress: answer.clientAddress,
      policyPublicKeys: answer.policyPublicKeys, authoritiesPEM: answer.authoritiesPEM,
      enrolledAt: now, controlLog: answer.controlLog, auditPublicKey: answer.auditPublicKey,
      serverURL: server)
  }

  /// The chain of root documents, trusted for where it comes from: a server that the join token
  /// names by its authority.
  private func roots(of answer: EnrollResponse) throws(LinkError) -> [StoredRoot] {
    guard let chain = answer.rootChain else { return [] }
    do {
      return try RootChain.begin(
        chain.map { Array(Data(base64Encoded: $0) ?? Data()) }, organisation: answer.organisation
      ).map { StoredRoot(version: $0.document.version, envelope: $0.envelope) }
    } catch {
      throw LinkError(
        code: .answer,
        message: "the control plane gave the agent no usable root documents (\(error.message)):"
          + " check that agent and control plane are of the same release")
    }
  }

  /// Refused here, where a person looks, and not when the first checkpoint comes.
  private func checkControlLog(_ answer: EnrollResponse) throws(LinkError) {
    guard let key = answer.auditPublicKey else { return }
    guard Data(base64Encoded: key)?.count == 32,
      answer.controlLog.flatMap({ LogID(text: $0) }) != nil
    else {
      throw LinkError(
        code: .answer,
        message: "the control plane gave the agent no usable key of its own log: check that agent"
          + " and control plane are of the same release")
    }
  }
}
