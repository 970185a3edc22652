internal import GatewayModel
import NIOCore
import NIOSSL

/// The TLS contexts of one event loop's server legs, kept because making one reads all roots.
struct ServerTLSContexts {
  private struct Key: Hashable {
    var mode: ServerTLSMode
    var authoritiesPEM: String?
  }

  private var contexts: [Key: NIOSSLContext] = [:]
  /// Over it the cache starts anew; a bundle has few distinct authorities.
  private static let maximumContexts = 256

  /// The context for a target whose mode is not `disable`.
  mutating func context(for target: ServerTarget) throws(ServerLegFailure) -> NIOSSLContext {
    let key = Key(mode: target.tls, authoritiesPEM: target.authoritiesPEM)
    if let context = contexts[key] { return context }
    do {
      let context = try NIOSSLContext(configuration: try configuration(key))
      if contexts.count >= Self.maximumContexts { contexts.removeAll() }
      contexts[key] = context
      return context
    } catch {
      throw ServerLegFailure(
        reason: .serverTLS,
        detail: "cannot read the authorities registered for \(target): \(error);"
          + " register the connection again with a PEM file of certificates")
    }
  }

  private func configuration(_ key: Key) throws -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    // PostgreSQL 17 and later take the name; earlier ones ignore it.
    configuration.applicationProtocols = [ClientTLSIdentity.applicationProtocol]
    configuration.shutdownTimeout = .seconds(2)
    if let pem = key.authoritiesPEM {
      configuration.trustRoots = .certificates(
        try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))
    }
    configuration.certificateVerification =
      switch key.mode {
      case .disable, .require: .none
      case .verifyCA: .noHostnameVerification
      case .verifyFull: .fullVerification
      }
    return configuration
  }
}
