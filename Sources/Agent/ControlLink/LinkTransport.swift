internal import AgentState
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import GatewayModel

/// The connection to the control plane: HTTP/2 over TLS with certificates on both sides.
enum LinkTransport {
  typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

  /// The longest message in either direction: a bundle, or a batch of records.
  static let maximumMessageBytes = SizeLimits.linkMessageBytes

  /// - Throws: When the certificate or the key cannot be used.
  static func make(
    to endpoint: Endpoint, identity: TLSIdentity, authoritiesPEM: String
  ) throws -> HTTP2ClientTransport.Posix {
    var config = HTTP2ClientTransport.Posix.Config.defaults
    // Finds a peer that vanished without a word while the stream is open.
    config.connection.keepalive = .init(
      time: .seconds(15), timeout: .seconds(10), allowWithoutCalls: false)
    config.connection.maxIdleTime = nil
    config.backoff.initial = .milliseconds(500)
    config.backoff.max = .seconds(15)
    return try HTTP2ClientTransport.Posix(
      target: endpoint.target,
      transportSecurity: .mTLS(
        certificateChain: [
          .bytes(Array(identity.certificateChainPEM.utf8), format: .pem)
        ],
        privateKey: .bytes(identity.privateKeyPEM.bytes, format: .pem)
      ) { tls in
        tls.trustRoots = .certificates([.bytes(Array(authoritiesPEM.utf8), format: .pem)])
        tls.serverCertificateVerification = .fullVerification
      },
      config: config)
  }
}
