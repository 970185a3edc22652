internal import AgentLink
internal import AgentState
internal import Crypto
internal import GRPCCore
internal import GatewayModel
internal import Logging
internal import PeerIdentity
internal import SystemClock
internal import Telemetry

/// Asks for a new certificate, with a new key, when half of the present one's life is over.
struct CertificateRenewer: Sendable {
  /// The longest sleep, so that a clock that is set forward is noticed.
  static let longestSleep = Duration.seconds(30)
  static let callDeadline = Duration.seconds(30)

  private let state: AgentState
  private let enrolment: Enrolment
  private let status: LinkStatus
  private let logger: Logger
  private let due: WallTime

  /// - Throws: ``IdentityError`` when the certificate cannot be read.
  init(
    state: AgentState, enrolment: Enrolment, identity: TLSIdentity, status: LinkStatus,
    logger: Logger
  ) throws {
    self.state = state
    self.enrolment = enrolment
    self.status = status
    self.logger = logger
    let certificate = try PeerCertificate(firstOfPEM: identity.certificateChainPEM)
    due = certificate.halfLife
    status.certificate(certificate)
  }

  /// Returns when a new certificate is kept; until then whatever fails is tried again.
  ///
  /// - Throws: `CancellationError`.
  func run(_ link: LinkClient.Link) async throws -> TLSIdentity {
    var backoff = Backoff(first: .seconds(5), longest: .seconds(300))
    while true {
      while true {
        let left = due.unixNanoseconds.subtractingReportingOverflow(
          WallTime.now().unixNanoseconds)
        guard !left.overflow, left.partialValue > 0 else { break }
        try await Task.sleep(for: min(Self.longestSleep, .nanoseconds(left.partialValue)))
      }
      do {
        let identity = try await renew(link)
        logger.info("certificate renewed")
        return identity
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        try Task.checkCancellation()
        let reason = FailureText.describe(error)
        logger.warning("certificate not renewed", metadata: [LogKey.error: "\(reason)"])
        try await Task.sleep(for: backoff.wait(random: .random(in: 0...1)))
      }
    }
  }

  private func renew(_ link: LinkClient.Link) async throws -> TLSIdentity {
    let pending = try await PendingRenewal.next(in: state, for: enrolment.agent)
    var options = CallOptions.defaults
    options.timeout = Self.callDeadline
    let answer = try await link.renew(.with { $0.csrPem = pending.requestPEM }, options: options)
    let identity = TLSIdentity(
      privateKeyPEM: pending.privateKeyPEM, certificateChainPEM: answer.certificateChainPem)
    let certificate = try IssuedIdentity.check(
      identity, authoritiesPEM: answer.authoritiesPem, agent: enrolment.agent,
      organisation: enrolment.organisation, segment: enrolment.segment)
    try await state.renew(identity, authoritiesPEM: answer.authoritiesPem)
    status.certificate(certificate)
    return identity
  }
}

extension PendingRenewal {
  /// What was asked for before and has not come, else a new key and request, which are kept before
  /// they are used: were the answer lost, the same request asks again, and is no clone's.
  static func next(in state: AgentState, for agent: AgentID) async throws -> PendingRenewal {
    if let pending = try await state.pendingRenewal() { return pending }
    let key = P256.Signing.PrivateKey()
    let pending = PendingRenewal(
      privateKeyPEM: Secret(text: key.pemRepresentation),
      requestPEM: try CertificateRequest.make(key: key, commonName: agent.description))
    try await state.keep(pending)
    return pending
  }
}

/// What an agent checks of a certificate it was given, before it gives up the one it has.
enum IssuedIdentity {
  /// - Throws: ``LinkError`` `answer`.
  static func check(
    _ identity: TLSIdentity, authoritiesPEM: String, agent: AgentID, organisation: String,
    segment: String
  ) throws(LinkError) -> PeerCertificate {
    do {
      let certificate = try PeerCertificate(firstOfPEM: identity.certificateChainPEM)
      let named = try certificate.agentIdentity()
      guard named.agent == agent, named.organisation == organisation, named.segment == segment
      else { throw unusable("it is of \(named.uri)") }
      guard certificate.belongs(toKeyPEM: identity.privateKeyPEM) else {
        throw unusable("it is of another key")
      }
      guard try !PeerCertificate.derOfEach(inPEM: authoritiesPEM).isEmpty else {
        throw unusable("no authority came with it")
      }
      return certificate
    } catch let error as LinkError {
      throw error
    } catch {
      throw unusable("\(error)")
    }
  }

  private static func unusable(_ reason: String) -> LinkError {
    LinkError(
      code: .answer,
      message: "the certificate the control plane issued is not usable (\(reason)): check that"
        + " agent and control plane are of the same release")
  }
}
