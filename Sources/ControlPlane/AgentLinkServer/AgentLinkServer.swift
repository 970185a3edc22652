package import ControlCore
import GRPCCore
import GRPCNIOTransportHTTP2Posix
package import GatewayModel
package import Logging

/// Where the agent link listens and what it shows itself with.
package struct AgentLinkServerConfiguration: Sendable {
  /// A numeric address.
  package var host: String
  package var port: Int
  /// PEM of the server's certificate, then its issuers.
  package var certificateChainPEM: String
  package var privateKeyPEM: Secret
  /// PEM of the authorities that agents' certificates come from.
  package var authoritiesPEM: String

  package init(
    host: String, port: Int, certificateChainPEM: String, privateKeyPEM: Secret,
    authoritiesPEM: String
  ) {
    self.host = host
    self.port = port
    self.certificateChainPEM = certificateChainPEM
    self.privateKeyPEM = privateKeyPEM
    self.authoritiesPEM = authoritiesPEM
  }
}

/// The gRPC server that agents dial, over TLS with certificates on both sides.
package final class AgentLinkServer: Sendable {
  private let server: GRPCServer<HTTP2ServerTransport.Posix>
  private let links = OpenLinks()

  package init(
    _ configuration: AgentLinkServerConfiguration, plane: ControlPlane,
    now: @escaping @Sendable () -> WallTime, logger: Logger
  ) {
    let address: GRPCNIOTransportHTTP2Posix.SocketAddress =
      configuration.host.contains(":")
      ? .ipv6(host: configuration.host, port: configuration.port)
      : .ipv4(host: configuration.host, port: configuration.port)
    let chain = Self.certificates(configuration.certificateChainPEM)
    let transport = HTTP2ServerTransport.Posix(
      address: address,
      transportSecurity: .mTLS(
        certificateChain: chain,
        privateKey: .bytes(configuration.privateKeyPEM.bytes, format: .pem)
      ) { tls in
        tls.trustRoots = .certificates(Self.certificates(configuration.authoritiesPEM))
        // An agent has no fixed address, so its certificate is not checked against one; who it is
        // stands in the URI name (LinkPeer).
        tls.clientCertificateVerification = .noHostnameVerification
        tls.requireALPN = true
      },
      config: .defaults { config in
        config.rpc.maxRequestPayloadSize = LinkLimits.messageBytes
        config.http2.targetWindowSize = LinkLimits.windowBytes
        config.connection.keepalive.time = LinkLimits.keepalive
        config.connection.keepalive.timeout = LinkLimits.keepaliveTimeout
        config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls =
          LinkLimits.clientKeepalive
        config.connection.keepalive.clientBehavior.allowWithoutCalls = true
      })
    server = GRPCServer(
      transport: transport,
      services: [AgentLinkService(plane: plane, links: links, now: now, logger: logger)])
  }

  /// Serves until ``beginGracefulShutdown()``; returns when the last call has ended.
  ///
  /// - Throws: when it cannot listen.
  package func run() async throws { try await server.serve() }

  /// The port it listens on, once it does.
  package var listeningPort: Int {
    get async throws {
      let address = try await server.transport.listeningAddress
      return address.ipv4?.port ?? address.ipv6?.port ?? 0
    }
  }

  /// Takes no more calls and ends the open streams; agents attach to another replica.
  package func beginGracefulShutdown() {
    links.shutDown()
    server.beginGracefulShutdown()
  }

  private static func certificates(_ pem: String) -> [TLSConfig.CertificateSource] {
    // One source holds one certificate, so a chain is cut at its sections.
    pem.components(cutBefore: "-----BEGIN CERTIFICATE-----").map {
      .bytes(Array($0.utf8), format: .pem)
    }
  }
}

extension String {
  /// The parts of the text that begin with `mark`; what stands before the first is left out.
  func components(cutBefore mark: String) -> [String] {
    ranges(of: mark).map(\.lowerBound).reversed().reduce(
      into: (parts: [String](), end: endIndex)
    ) { state, start in
      state.parts.insert(String(self[start..<state.end]), at: 0)
      state.end = start
    }.parts
  }
}
