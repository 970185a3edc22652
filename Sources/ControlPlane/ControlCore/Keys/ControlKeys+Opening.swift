internal import Crypto
internal import Foundation
internal import GatewayModel
internal import PeerIdentity
internal import SignedBundle

extension ControlKeys {
  /// Opens the keys, or creates them on the first start of the first replica.
  ///
  /// - Throws: `invalid` when the key file is missing, wrong or unsafe, or when the database
  ///   belongs to another organisation; with what to do.
  package static func open(
    store: any SecretStore, wrappingKey: any WrappingKeySource, settings: ControlSettings,
    surroundings: Surroundings
  ) async throws(ControlError) -> ControlKeys {
    let id = try await store.controlPlaneID()
    let present = try await store.secrets()
    if !present.isEmpty {
      let whole = try await completed(
        present, store: store, wrappingKey: wrappingKey, surroundings: surroundings)
      return try await open(
        whole, id: id, store: store, wrappingKey: wrappingKey, settings: settings,
        surroundings: surroundings)
    }
    let key: [UInt8]
    if let kept = try await wrappingKey.read() {
      key = kept
    } else {
      key = surroundings.randomBytes(32)
      try await wrappingKey.create(key)
      surroundings.logger.notice("key file created", metadata: ["path": "\(wrappingKey.name)"])
    }
    let sealed = try newSecrets(key: key, settings: settings, surroundings: surroundings)
    if try await store.createSecrets(sealed) {
      surroundings.logger.notice("keys of the control plane created")
    }
    // Read back also by who stored them: another replica may have been first.
    return try await open(
      try await store.secrets(), id: id, store: store, wrappingKey: wrappingKey,
      settings: settings, surroundings: surroundings)
  }

  /// The keys with those that the version which made them did not know.
  ///
  /// Nothing is added under a key file that does not open what is there.
  private static func completed(
    _ present: [SealedSecret], store: any SecretStore, wrappingKey: any WrappingKeySource,
    surroundings: Surroundings
  ) async throws(ControlError) -> [SealedSecret] {
    let missing = [Name.auditKey, .leaseKey, .rootKey].filter { name in
      !present.contains { $0.name == name.rawValue }
    }
    guard !missing.isEmpty, let key = try await wrappingKey.read(),
      present.allSatisfy({ unseal($0, key: key) != nil })
    else { return present }
    for name in missing {
      let sealed: SealedSecret
      do {
        sealed = try seal(
          Secret(Curve25519.Signing.PrivateKey().rawRepresentation), name: name.rawValue,
          key: key, surroundings)
      } catch {
        throw ControlError(.internal, "Making the key \"\(name.rawValue)\" failed: \(error).")
      }
      try await store.addSecret(sealed)
      surroundings.logger.notice("key created", metadata: ["key": "\(name.rawValue)"])
    }
    return try await store.secrets()
  }

  /// Whether a secret is a key of the root documents; a rotation adds a number to the name.
  static func isSigningKey(_ name: String) -> Bool {
    [Name.policyKey, .leaseKey, .rootKey].contains { name.hasPrefix($0.rawValue) }
  }

  /// Makes the first root document of a database that has none.
  ///
  /// It is signed by the policy key too, which is what agents trust that enrolled before there were
  /// root documents.
  private static func beginRoots(
    _ opened: [Name: Secret], store: any SecretStore, organisation: String,
    surroundings: Surroundings
  ) async throws(ControlError) {
    guard try await store.rootDocuments(after: 0).isEmpty else { return }
    let signed: SignedRoot
    do {
      func key(_ name: Name) throws -> Curve25519.Signing.PrivateKey {
        try Curve25519.Signing.PrivateKey(rawRepresentation: opened[name]?.bytes ?? [])
      }
      let (root, policy, lease) = (try key(.rootKey), try key(.policyKey), try key(.leaseKey))
      signed = try RootDocument(
        organisation: organisation, version: 1, issuedAt: surroundings.now(),
        rootKeys: [PolicyKey(root.publicKey)], policyKeys: [PolicyKey(policy.publicKey)],
        leaseKeys: [PolicyKey(lease.publicKey)]
      ).signed(by: [root, policy])
    } catch {
      throw ControlError(.internal, "Making the first root document failed: \(error).")
    }
    // Another replica may be faster; what is stored counts.
    _ = try await store.addRootDocument(
      StoredRoot(version: 1, envelope: signed.envelope), with: [], at: surroundings.now())
  }

  private enum Name: String, CaseIterable {
    case authorityCertificate = "authority-certificate"
    case authorityKey = "authority-key"
    case policyKey = "policy-key"
    case tokenKey = "token-key"
    case auditKey = "audit-key"
    case leaseKey = "lease-key"
    case rootKey = "root-key"
    case organisation
  }

  private static func open(
    _ secrets: [SealedSecret], id: Identifier128, store: any SecretStore,
    wrappingKey: any WrappingKeySource, settings: ControlSettings, surroundings: Surroundings
  ) async throws(ControlError) -> ControlKeys {
    guard let key = try await wrappingKey.read() else {
      throw ControlError(
        .invalid,
        "The key file \"\(wrappingKey.name)\" is missing, and the database has keys that are "
          + "sealed under it.",
        remedy: "Restore it from its backup, or copy it from another replica.")
    }
    var opened: [Name: Secret] = [:]
    for name in Name.allCases {
      guard let secret = secrets.first(where: { $0.name == name.rawValue }) else {
        throw ControlError(
          .invalid, "The database lacks the control plane's key \"\(name.rawValue)\".",
          remedy: "Restore the database from its backup.")
      }
      guard let plain = unseal(secret, key: key) else {
        throw ControlError(
          .invalid,
          "The key file \"\(wrappingKey.name)\" is not the one that the keys in the database are "
            + "sealed under.",
          remedy: "Restore the right one from its backup, or copy it from another replica.")
      }
      opened[name] = plain
    }
    guard opened[.organisation]?.text == settings.organisation else {
      throw ControlError(
        .invalid,
        "The database belongs to the organisation \"\(opened[.organisation]?.text ?? "")\", not "
          + "to \"\(settings.organisation)\".",
        remedy: "Give that name with --organisation, or another database.")
    }
    try await beginRoots(
      opened, store: store, organisation: settings.organisation, surroundings: surroundings)
    let signing = try await SigningKeys(
      store: store, wrappingKey: wrappingKey, organisation: settings.organisation)
    do {
      return ControlKeys(
        certificates: try CertificateAuthority(
          certificatePEM: opened[.authorityCertificate]?.text ?? "",
          privateKeyPEM: opened[.authorityKey] ?? Secret([])),
        signing: signing,
        tokenKey: try Curve25519.Signing.PrivateKey(
          rawRepresentation: opened[.tokenKey]?.bytes ?? []),
        auditKey: try Curve25519.Signing.PrivateKey(
          rawRepresentation: opened[.auditKey]?.bytes ?? []),
        controlPlaneID: id)
    } catch {
      throw ControlError(
        .invalid, "The control plane's keys in the database cannot be read.",
        remedy: "Restore the database from its backup.")
    }
  }

  private static func newSecrets(
    key: [UInt8], settings: ControlSettings, surroundings: Surroundings
  ) throws(ControlError) -> [SealedSecret] {
    do {
      // Refused here, where nothing was made yet, and not at the first enrolment.
      _ = try AgentIdentity(
        organisation: settings.organisation, segment: "any",
        agent: AgentID(surroundings.newIdentifier()))
      let authority = try CertificateAuthority.create(
        organisation: settings.organisation, key: P256.Signing.PrivateKey(),
        serial: surroundings.newIdentifier(), now: surroundings.now())
      let plain: [(Name, Secret)] = [
        (.authorityCertificate, Secret(text: authority.certificatePEM)),
        (.authorityKey, authority.privateKeyPEM),
        (.policyKey, Secret(Curve25519.Signing.PrivateKey().rawRepresentation)),
        (.tokenKey, Secret(Curve25519.Signing.PrivateKey().rawRepresentation)),
        (.auditKey, Secret(Curve25519.Signing.PrivateKey().rawRepresentation)),
        (.leaseKey, Secret(Curve25519.Signing.PrivateKey().rawRepresentation)),
        (.rootKey, Secret(Curve25519.Signing.PrivateKey().rawRepresentation)),
        (.organisation, Secret(text: settings.organisation)),
      ]
      var sealed: [SealedSecret] = []
      for (name, secret) in plain {
        sealed.append(try seal(secret, name: name.rawValue, key: key, surroundings))
      }
      return sealed
    } catch let error as ControlError {
      throw error
    } catch {
      throw ControlError(
        .invalid, "Making the control plane's keys failed: \(error).",
        remedy: "Check the name of the organisation.")
    }
  }

  static func seal(
    _ secret: Secret, name: String, key: [UInt8], _ surroundings: Surroundings
  ) throws -> SealedSecret {
    let box = try AES.GCM.seal(
      secret.bytes, using: SymmetricKey(data: key),
      nonce: AES.GCM.Nonce(data: surroundings.randomBytes(12)),
      authenticating: Array(name.utf8))
    guard let combined = box.combined else {
      throw ControlError(.internal, "Sealing the key \"\(name)\" failed.")
    }
    return SealedSecret(name: name, sealed: Array(combined))
  }

  /// `nil` when the key is another or the ciphertext was changed or moved to another name.
  static func unseal(_ secret: SealedSecret, key: [UInt8]) -> Secret? {
    guard let box = try? AES.GCM.SealedBox(combined: secret.sealed),
      let plain = try? AES.GCM.open(
        box, using: SymmetricKey(data: key), authenticating: Array(secret.name.utf8))
    else { return nil }
    return Secret(plain)
  }
}
