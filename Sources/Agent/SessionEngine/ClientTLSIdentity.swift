import NIOCore
import NIOSSL

/// The certificate and key with which the gateway shows itself to clients.
package struct ClientTLSIdentity: Sendable {
  let context: NIOSSLContext

  /// Reads a certificate chain and its key.
  ///
  /// - Parameters:
  ///   - certificateChainPEM: The leaf first, then the authorities that clients may lack.
  ///   - privateKeyPEM: The leaf's key.
  /// - Throws: ``GatewayError`` when either cannot be read or the two do not belong together.
  package init(certificateChainPEM: String, privateKeyPEM: String) throws(GatewayError) {
    do {
      let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificateChainPEM.utf8))
      let key = try NIOSSLPrivateKey(bytes: Array(privateKeyPEM.utf8), format: .pem)
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = [Self.applicationProtocol]
      configuration.shutdownTimeout = .seconds(2)
      context = try NIOSSLContext(configuration: configuration)
    } catch {
      throw GatewayError(
        code: .tlsIdentity,
        message: "cannot use the TLS certificate and key for clients: \(error);"
          + " give a PEM chain, leaf first, and the leaf's PEM key")
    }
  }

  /// The ALPN name of the PostgreSQL protocol, required of direct TLS
  /// (PostgreSQL documentation, section 55.2.11 "SSL Session Encryption").
  static let applicationProtocol = "postgresql"
}
