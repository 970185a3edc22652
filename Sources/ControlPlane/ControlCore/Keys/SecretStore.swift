package import GatewayModel

/// Where the control plane's own keys are kept, sealed.
package protocol SecretStore: RecordingStore {
  func secrets() async throws(ControlError) -> [SealedSecret]
  /// Stores the first set of keys; false, and nothing stored, when there is one already.
  func createSecrets(_ secrets: [SealedSecret]) async throws(ControlError) -> Bool
  /// Stores one more key beside those there are, unless there is one of that name.
  func addSecret(_ secret: SealedSecret) async throws(ControlError)
  /// The root documents after a version, oldest first.
  func rootDocuments(after version: UInt64) async throws(ControlError) -> [StoredRoot]
  /// Stores a root document with the keys that it names and that are new; every segment is due for
  /// a bundle then. False, and nothing stored, when there is one of that version already.
  func addRootDocument(
    _ root: StoredRoot, with secrets: [SealedSecret], at: WallTime
  ) async throws(ControlError) -> Bool
  /// What names this installation in the origin of its own log; the same for ever.
  func controlPlaneID() async throws(ControlError) -> Identifier128
}

/// A key encrypted under the key file's key.
package struct SealedSecret: Sendable, Equatable {
  /// What it is, for example `authority-key`. Also the additional data of the encryption.
  package var name: String
  /// AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes).
  package var sealed: [UInt8]
  package init(name: String, sealed: [UInt8]) {
    self.name = name
    self.sealed = sealed
  }
}

/// A signed root document.
package struct StoredRoot: Sendable, Equatable {
  package var version: UInt64
  /// The DSSE envelope, byte for byte.
  package var envelope: [UInt8]
  package init(version: UInt64, envelope: [UInt8]) {
    self.version = version
    self.envelope = envelope
  }
}

/// The key file: 32 random bytes under which the keys in the database are sealed.
package protocol WrappingKeySource: Sendable {
  /// What to call it in messages, for example its path.
  var name: String { get }
  /// The 32 bytes, or `nil` when there is no such file.
  ///
  /// - Throws: `invalid` when the file is not a key or readable by others.
  func read() async throws(ControlError) -> [UInt8]?
  /// Creates the file, readable by its owner only; never overwrites one.
  func create(_ key: [UInt8]) async throws(ControlError)
}
