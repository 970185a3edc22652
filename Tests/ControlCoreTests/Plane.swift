import APIModel
import ControlCore
import Crypto
import Foundation
import GatewayModel
import Logging
import PeerIdentity
import Synchronization

/// A control plane over stores in memory.
struct Plane {
  let store = MemoryStore()
  let keyFile = MemoryKeyFile()
  let settings: ControlSettings
  let plane: ControlPlane
  let caller = Caller(
    tokenID: Identifier128(high: 1, low: 2), name: "admin", role: .admin)

  init(organisation: String = "acme", logger: Logger = Self.quiet) async throws {
    var settings = ControlSettings(
      organisation: organisation, version: "0.1", linkAddress: "control:7443",
      serverNames: ["localhost"])
    settings.pollInterval = .milliseconds(5)
    self.settings = settings
    let surroundings = Self.surroundings(logger: logger) { 1_800_000_000 }
    let keys = try await ControlKeys.open(
      store: store, wrappingKey: keyFile, settings: settings, surroundings: surroundings)
    plane = ControlPlane(
      settings: settings, keys: keys, stores: store.stores, surroundings: surroundings)
  }

  static let quiet = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

  static func surroundings(
    logger: Logger = Self.quiet, _ seconds: @escaping @Sendable () -> Int64
  ) -> Surroundings {
    Surroundings(
      now: { WallTime(unixNanoseconds: seconds() * 1_000_000_000) },
      sleep: { try await Task.sleep(for: $0) },
      randomBytes: { count in (0..<count).map { _ in UInt8.random(in: 0...255) } },
      logger: logger)
  }

  /// Invites and enrols an agent.
  func enrol(segment: String = "prod") async throws -> EnrollResponse {
    let invitation = try await plane.agents.invite(
      InvitationDraft(segment: segment, clientAddress: "gateway.example.com:5432"), by: caller)
    return try await plane.agents.enrol(try Self.request(invitation))
  }

  static func request(_ invitation: Invitation) throws -> EnrollRequest {
    let token = JoinToken(text: invitation.joinToken)
    return EnrollRequest(
      joinSecret: token?.secretHex ?? "",
      csrPEM: try CertificateRequest.make(key: P256.Signing.PrivateKey(), commonName: "agent"),
      auditPublicKey: Data(repeating: 1, count: 32).base64EncodedString(),
      sealingPublicKey: Data(repeating: 2, count: 32).base64EncodedString(),
      hostname: "db-host", agentVersion: "0.1")
  }

  static func draft(
    _ name: String = "orders", segment: String = "prod"
  ) -> ConnectionDraft {
    ConnectionDraft(
      name: name, segment: segment, host: "db.internal", port: 5432, database: "orders",
      tls: "require", authoritiesPEM: nil, labels: [:],
      roles: [RoleDraft(name: "app", credentials: [])], replace: false)
  }
}

/// A key file in memory.
final class MemoryKeyFile: WrappingKeySource {
  let name = "/etc/sallyport/key"
  let key = Mutex<[UInt8]?>(nil)

  func read() async throws(ControlError) -> [UInt8]? { key.withLock { $0 } }
  func create(_ new: [UInt8]) async throws(ControlError) { key.withLock { $0 = new } }
}
