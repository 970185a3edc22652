package import GatewayModel
internal import Logging
import NIOCore
import NIOSSL
internal import RecordLog
import Synchronization

/// Opens the sealed credential of a database role for this agent.
///
/// Called on an event loop once a login; an error's description goes to the agent's log, so it must
/// not hold the secret.
package typealias CredentialOpener = @Sendable (Connection, _ role: String) throws -> RoleCredential

/// What all event loops of one gateway share; everything that changes is behind a lock that no
/// statement takes.
final class GatewayCommons: Sendable {
  let configuration: GatewayConfiguration
  let log: RecordLogDirectory
  let openCredential: CredentialOpener
  let logger: Logger
  let metrics = GatewayMetrics()
  let cancels = CancelRegistry()
  let resolver = HostResolver()
  let keyDeriver: ScramKeyDeriver
  let sessions = SessionCensus()
  private let identity: Mutex<NIOSSLContext>

  init(
    configuration: GatewayConfiguration, identity: ClientTLSIdentity, log: RecordLogDirectory,
    openCredential: @escaping CredentialOpener, deriveKeys: @escaping KeyDerivation,
    logger: Logger
  ) {
    self.configuration = configuration
    self.log = log
    self.openCredential = openCredential
    keyDeriver = ScramKeyDeriver(deriveKeys)
    self.logger = logger
    self.identity = Mutex(identity.context)
  }

  /// What new TLS handshakes with clients use.
  var clientTLSContext: NIOSSLContext {
    get { identity.withLock { $0 } }
    set { identity.withLock { $0 = newValue } }
  }
}
