internal import Crypto
internal import GatewayModel
package import SignedBundle
internal import Synchronization

/// The root documents, and the keys that the newest one names, as this replica knows them.
///
/// Which of the keys in the database sign is what the newest root document says; another replica,
/// or `sallyport-control rotate-policy-key`, may have made a newer one, which ``refresh()`` takes in.
package final class SigningKeys: Sendable {
  /// What signs under one root document.
  struct Standing: Sendable {
    /// The whole chain, oldest first; never empty.
    var roots: [SignedRoot]
    var root: RootDocument
    var policySigner: BundleSigner
    var leaseSigner: LeaseSigner
    var rootKeys: [Curve25519.Signing.PrivateKey]
  }

  private let state: Mutex<Standing>
  private let store: any SecretStore
  private let wrappingKey: any WrappingKeySource
  private let organisation: String

  /// - Throws: `invalid` when the chain in the database is damaged or its keys are not there.
  init(
    store: any SecretStore, wrappingKey: any WrappingKeySource, organisation: String
  ) async throws(ControlError) {
    self.store = store
    self.wrappingKey = wrappingKey
    self.organisation = organisation
    state = Mutex(
      try await Self.read(store: store, wrappingKey: wrappingKey, organisation: organisation))
  }

  var standing: Standing { state.withLock { $0 } }

  /// The version of the newest root document that is known here.
  package var rootVersion: UInt64 { standing.root.version }

  /// The root document in force.
  package var root: RootDocument { standing.root }

  /// The envelopes of the root documents after a version, oldest first.
  package func envelopes(after version: UInt64) -> [[UInt8]] {
    standing.roots.filter { $0.document.version > version }.map(\.envelope)
  }

  /// Takes in what another replica has stored.
  ///
  /// - Throws: `unavailable`, or `invalid`; what was known stays.
  func refresh() async throws(ControlError) {
    let fresh = try await Self.read(
      store: store, wrappingKey: wrappingKey, organisation: organisation)
    state.withLock { standing in
      if fresh.root.version > standing.root.version { standing = fresh }
    }
  }

  /// Seals a new key under the key file's key.
  func seal(
    _ key: Curve25519.Signing.PrivateKey, name: String, _ surroundings: Surroundings
  ) async throws(ControlError) -> SealedSecret {
    guard let wrapping = try await wrappingKey.read() else {
      throw ControlError(
        .invalid, "The key file \"\(wrappingKey.name)\" is missing.",
        remedy: "Restore it from its backup, or copy it from another replica.")
    }
    do {
      return try ControlKeys.seal(
        Secret(key.rawRepresentation), name: name, key: wrapping, surroundings)
    } catch {
      throw ControlError(.internal, "Sealing the key \"\(name)\" failed: \(error).")
    }
  }

  private static func read(
    store: any SecretStore, wrappingKey: any WrappingKeySource, organisation: String
  ) async throws(ControlError) -> Standing {
    let stored = try await store.rootDocuments(after: 0)
    let secrets = try await store.secrets()
    let wrapping = try await wrappingKey.read() ?? []
    let keys = secrets.filter { ControlKeys.isSigningKey($0.name) }.compactMap { secret in
      ControlKeys.unseal(secret, key: wrapping).flatMap {
        try? Curve25519.Signing.PrivateKey(rawRepresentation: $0.bytes)
      }
    }
    return try standing(stored, keys: keys, organisation: organisation)
  }

  private static func standing(
    _ stored: [StoredRoot], keys: [Curve25519.Signing.PrivateKey], organisation: String
  ) throws(ControlError) -> Standing {
    let roots: [SignedRoot]
    do {
      roots = try RootChain.begin(stored.map(\.envelope), organisation: organisation)
    } catch {
      throw ControlError(
        .invalid, "The root documents in the database cannot be used: \(error.message).",
        remedy: "Restore the database from its backup.")
    }
    guard let root = roots.last?.document else {
      throw ControlError(
        .invalid, "The database has no root document.",
        remedy: "Restore the database from its backup.")
    }
    func held(_ named: [PolicyKey]) -> [Curve25519.Signing.PrivateKey] {
      keys.filter { named.contains(PolicyKey($0.publicKey)) }
    }
    let policy = held(root.policyKeys)
    guard policy.count >= root.policyThreshold, let lease = held(root.leaseKeys).first else {
      throw ControlError(
        .invalid,
        "The database lacks keys that root version \(root.version) names, or the key file does not"
          + " open them.",
        remedy: "Restore both from one backup.")
    }
    return Standing(
      roots: roots, root: root, policySigner: BundleSigner(keys: policy),
      leaseSigner: LeaseSigner(key: lease), rootKeys: held(root.rootKeys))
  }
}
