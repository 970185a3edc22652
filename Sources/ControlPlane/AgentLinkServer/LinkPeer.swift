import AgentLink
internal import ControlCore
import GRPCCore
import GRPCNIOTransportHTTP2Posix
internal import GatewayModel
import PeerIdentity
import X509

/// Finds out which agent is on the other end of a call.
struct LinkPeer: Sendable {
  let organisation: String
  let agents: AgentService

  /// The agent whose certificate the TLS handshake has verified, and which may still come in.
  ///
  /// - Throws: `unauthenticated` without a usable certificate, `permissionDenied` when the agent
  ///   is unknown, removed, locked or of another organisation or segment, `unavailable` when the database
  ///   is away.
  func admit(_ context: ServerContext) async throws(RPCError) -> EnrolledAgent {
    let identity = try Self.identity(context)
    guard identity.organisation == organisation else {
      throw RPCError(
        code: .permissionDenied,
        message: "The certificate is of the organisation \"\(identity.organisation)\", not of "
          + "\"\(organisation)\": enrol the agent here.")
    }
    let agent: EnrolledAgent
    do {
      agent = try await agents.admit(identity.agent)
    } catch {
      throw RPCError(error)
    }
    guard agent.segment == identity.segment else {
      throw RPCError(
        code: .permissionDenied,
        message: "The certificate is of the segment \"\(identity.segment)\", but the agent is "
          + "enrolled in \"\(agent.segment)\": enrol it again.")
    }
    return agent
  }

  /// - Throws: `unauthenticated` without a usable certificate.
  static func certificate(_ context: ServerContext) throws(RPCError) -> PeerCertificate {
    guard
      let transport = context.transportSpecific as? HTTP2ServerTransport.Posix.Context,
      let certificate = transport.peerCertificate,
      let der = try? certificate.serializeAsPEM().derBytes
    else {
      throw RPCError(
        code: .unauthenticated,
        message: "No client certificate came with the connection: enrol the agent first.")
    }
    do {
      return try PeerCertificate(der: der)
    } catch {
      throw RPCError(code: .unauthenticated, message: error.message)
    }
  }

  private static func identity(_ context: ServerContext) throws(RPCError) -> AgentIdentity {
    let certificate = try certificate(context)
    do {
      return try certificate.agentIdentity()
    } catch {
      throw RPCError(code: .unauthenticated, message: error.message)
    }
  }
}

extension RPCError {
  /// The status of a failed act; its message holds nothing secret.
  init(_ error: ControlError) {
    let code: RPCError.Code =
      switch error.code {
      case .notFound: .notFound
      case .invalid: .invalidArgument
      case .conflict: .failedPrecondition
      case .unauthorized: .unauthenticated
      case .forbidden: .permissionDenied
      case .unavailable: .unavailable
      case .internal: .internalError
      }
    // Read by the agent's ControlLink: it ends its clients' sessions.
    self.init(
      code: code, message: error.description,
      metadata: error.isRemoval ? [LinkMark.standing: .string(LinkMark.removed)] : [:])
  }
}
