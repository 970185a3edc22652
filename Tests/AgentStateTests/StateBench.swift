import AgentState
import Foundation
import GatewayModel

/// A folder of its own for one test.
final class StateBench: Sendable {
  let root: String
  var folder: String { "\(root)/state" }

  init() throws {
    root =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("agent-state-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
  }

  static let enrolment = Enrolment(
    agent: AgentID(Identifier128(high: 1, low: 2)), organisation: "example", segment: "prod-eu",
    linkAddress: "control:8444", clientAddress: "gate:6432",
    policyPublicKeys: ["a2V5MQ==", "a2V5Mg=="], authoritiesPEM: "authorities",
    enrolledAt: WallTime(unixNanoseconds: 1_790_000_000_000_000_001))
  static let keys = AgentKeys(
    audit: Secret(text: "canary-audit"), sealing: Secret(text: "canary-sealing"))
  static let identity = TLSIdentity(
    privateKeyPEM: Secret(text: "canary-tls"), certificateChainPEM: "chain")

  /// The state of an agent that has joined.
  func enrolled() async throws -> AgentState {
    let state = try AgentState.open(folder: folder, for: .enrol)
    try await state.enrol(Self.enrolment, keys: Self.keys, identity: Self.identity)
    return state
  }

  static func bundle(_ version: UInt64, _ fill: UInt8) -> StoredBundle {
    StoredBundle(
      version: version, hash: [UInt8](repeating: fill, count: 32),
      envelope: Array("envelope \(version)/\(fill)".utf8))
  }

  /// What opening fails with; `nil` when it does not.
  func failure(opening path: String? = nil, for purpose: AgentState.Purpose) -> AgentStateError? {
    do {
      try AgentState.open(folder: path ?? folder, for: purpose).close()
      return nil
    } catch {
      return error
    }
  }
}
