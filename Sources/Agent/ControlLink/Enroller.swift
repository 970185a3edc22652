internal import APIModel
package import AgentState
internal import AsyncHTTPClient
internal import Crypto
internal import Foundation
package import GatewayModel
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOSSL
internal import PeerIdentity

/// Joins an agent with its control plane by a one-use join token.
package struct Enroller: Sendable {
  static let maximumAnswerBytes = 1 << 20
  static let deadline = TimeAmount.seconds(30)

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
    try await state.enrol(
      enrolment,
      keys: AgentKeys(
        audit: Secret(auditKey.rawRepresentation), sealing: Secret(sealingKey.rawRepresentation)),
      identity: identity)
    return enrolment
  }

  /// The authority's certificate, fetched from a server that cannot be trusted yet and then held
  /// against the fingerprint in the join token.
  private func authorityPEM() async throws(LinkError) -> String {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.certificateVerification = .none
    let info: AuthorityInfo = try await call(Routes.authority, posting: nil, tls: tls)
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
    var tls = TLSConfiguration.makeClientConfiguration()
    let body: [UInt8]
    do {
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authorityPEM.utf8)))
      body = Array(try JSONEncoder().encode(request))
    } catch {
      throw LinkError(code: .answer, message: "the authority's certificate is not usable: \(error)")
    }
    return try await call(Routes.enroll, posting: body, tls: tls)
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
      enrolledAt: now, controlLog: answer.controlLog, auditPublicKey: answer.auditPublicKey)
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

  private func call<Answer: Decodable & Sendable>(
    _ path: String, posting body: [UInt8]?, tls: TLSConfiguration
  ) async throws(LinkError) -> Answer {
    var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
    configuration.redirectConfiguration = .disallow
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let result: Result<Answer, LinkError>
    do {
      var request = HTTPClientRequest(url: server + path)
      if let body {
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(body)
      }
      let response = try await client.execute(request, timeout: Self.deadline)
      let bytes = try await response.body.collect(upTo: Self.maximumAnswerBytes)
      result = Self.read(bytes, status: response.status.code, server: server)
    } catch {
      result = .failure(Self.unreachable(server, error))
    }
    // A client that could not be shut down leaks its idle connections until the process ends,
    // which for enrolment is now.
    try? await client.shutdown()
    return try result.get()
  }

  private static func read<Answer: Decodable & Sendable>(
    _ bytes: ByteBuffer, status: UInt, server: String
  ) -> Result<Answer, LinkError> {
    if (200..<300).contains(status) {
      if let answer = try? JSONDecoder().decode(Answer.self, from: bytes) {
        return .success(answer)
      }
      return .failure(
        LinkError(
          code: .answer,
          message: "the server at \(server) does not answer as a control plane: check the address"))
    }
    guard let refusal = try? JSONDecoder().decode(APIErrorBody.self, from: bytes) else {
      return .failure(
        LinkError(
          code: .answer,
          message: "the server at \(server) answered with HTTP status \(status): check the address"
        ))
    }
    let remedy = refusal.remedy.map { " \($0)" } ?? ""
    // Refused for what was asked, or unable to answer at all.
    let code: LinkError.Code = (400..<500).contains(status) ? .refused : .unreachable
    return .failure(
      LinkError(code: code, message: "the control plane refused: \(refusal.message)\(remedy)"))
  }

  private static func unreachable(_ server: String, _ error: any Error) -> LinkError {
    let reason = FailureText.describe(error)
    // What BoringSSL says of a chain it does not trust, and NIOSSL of a name that does not fit.
    if error is NIOSSLExtraError || reason.contains("CERTIFICATE_VERIFY_FAILED") {
      return LinkError(
        code: .untrusted,
        message: "the TLS certificate of \(server) is not trusted (\(reason)): use the address the"
          + " control plane's certificate is made for")
    }
    return LinkError(
      code: .unreachable,
      message: "the control plane at \(server) cannot be reached (\(reason)): check the address and"
        + " that it is running")
  }
}
