internal import AuditLog
internal import Crypto
internal import Foundation
internal import GatewayModel

/// Signs the heads of the agent's logs with its audit key.
struct CheckpointSigner: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  /// - Parameter key: The raw private key, 32 bytes.
  init(key: Secret) throws {
    self.key = try Curve25519.Signing.PrivateKey(rawRepresentation: key.bytes)
  }

  /// The signed note of a log's head.
  func sign(_ log: LogID, _ frontier: MerkleFrontier) throws -> Data {
    Data(try Checkpoint(log: log, of: frontier).signed(with: key).bytes)
  }

  /// The checkpoint that a note holds, if this agent signed it.
  func own(_ note: Data) -> Checkpoint? { Checkpoint(signed: note, key: key.publicKey) }
}
