internal import GatewayModel
import NIOCore
import NIOSSL

/// The TLS contexts of one event loop's server legs, kept because making one reads all roots.
///
/// A context shows the certificate that it was made with, so legs share one only where all they
/// show and check is the same.
struct ServerTLSContexts {
  private struct Key: Hashable {
    var mode: ServerTLSMode
    var authoritiesPEM: String?
    var certificate: ClientCertificate?
  }

  private var contexts: [Key: NIOSSLContext] = [:]
  /// Over it the cache starts anew; a bundle has few distinct authorities.
  private static let maximumContexts = 256

  /// A new bundle may have other certificates: those of the last are not kept.
  mutating func removeAll() { contexts.removeAll() }

  /// The context for a target whose mode is not `disable`.
  mutating func context(for target: ServerTarget) throws(ServerLegFailure) -> NIOSSLContext {
    let key = Key(
      mode: target.tls, authoritiesPEM: target.authoritiesPEM, certificate: target.certificate)
    if let context = contexts[key] { return context }
    var configuration = Self.configuration(key.mode)
    if let pem = key.authoritiesPEM {
      configuration.trustRoots = .certificates(
        try Self.certificates(pem, what: "authorities", of: target))
    }
    if let certificate = key.certificate {
      configuration.certificateChain = try Self.certificates(
        certificate.chainPEM, what: "client certificate", of: target
      ).map { .certificate($0) }
      do {
        configuration.privateKey = .privateKey(
          try NIOSSLPrivateKey(bytes: certificate.keyPEM.bytes, format: .pem))
      } catch {
        throw Self.unusable("the key of the client certificate", of: target, error)
      }
    }
    do {
      let context = try NIOSSLContext(configuration: configuration)
      if contexts.count >= Self.maximumContexts { contexts.removeAll() }
      contexts[key] = context
      return context
    } catch {
      // The key does not belong to the certificate, where there is one.
      throw Self.unusable("the certificates", of: target, error)
    }
  }

  private static func certificates(
    _ pem: String, what: String, of target: ServerTarget
  ) throws(ServerLegFailure) -> [NIOSSLCertificate] {
    do {
      return try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
    } catch {
      throw unusable("the \(what)", of: target, error)
    }
  }

  private static func unusable(
    _ what: String, of target: ServerTarget, _ error: any Error
  ) -> ServerLegFailure {
    ServerLegFailure(
      reason: .serverTLS,
      detail: "cannot use \(what) registered for \(target): \(error);"
        + " register the connection again with PEM files of certificates")
  }

  private static func configuration(_ mode: ServerTLSMode) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    // PostgreSQL 17 and later take the name; earlier ones ignore it.
    configuration.applicationProtocols = [ClientTLSIdentity.applicationProtocol]
    configuration.shutdownTimeout = .seconds(2)
    configuration.certificateVerification =
      switch mode {
      case .disable, .require: .none
      case .verifyCA: .noHostnameVerification
      case .verifyFull: .fullVerification
      }
    return configuration
  }
}
