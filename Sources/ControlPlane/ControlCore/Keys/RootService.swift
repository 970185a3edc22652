internal import Crypto
internal import GatewayModel
internal import SignedBundle

/// Exchanges the keys that agents trust, one root document after the other.
package struct RootService: Sendable {
  /// Which key is exchanged; the raw value is how it is named to operators.
  package enum Kind: String, Sendable, CaseIterable {
    case policy
    case lease
    case root
  }

  let store: any SecretStore
  let keys: ControlKeys
  let log: ControlLog
  let settings: ControlSettings
  let surroundings: Surroundings

  /// Makes a new key in the place of the present ones of its kind, with a root document that says
  /// so. Replicas that run notice it with their next poll and issue every bundle anew under it.
  ///
  /// - Parameters:
  ///   - operatorName: The user of the host, for the log.
  ///   - host: The host's name, for the log.
  /// - Returns: The version of the root document.
  /// - Throws: `conflict` when another rotation was faster; nothing is changed then.
  package func rotate(
    _ kind: Kind, by operatorName: String, on host: String
  ) async throws(ControlError) -> UInt64 {
    try await keys.signing.refresh()
    let standing = keys.signing.standing
    let key = Curve25519.Signing.PrivateKey()
    let named = PolicyKey(key.publicKey)
    var document = standing.root
    document.version += 1
    document.issuedAt = surroundings.now()
    switch kind {
    case .policy: (document.policyKeys, document.policyThreshold) = ([named], 1)
    case .lease: document.leaseKeys = [named]
    case .root: (document.rootKeys, document.rootThreshold) = ([named], 1)
    }
    let signed: SignedRoot
    do {
      signed = try document.signed(by: standing.rootKeys + (kind == .root ? [key] : []))
    } catch {
      throw ControlError(.internal, "Signing the root document failed: \(error.message).")
    }
    let secret = try await keys.signing.seal(
      key, name: "\(kind.rawValue)-key-\(document.version)", surroundings)
    let entry = log.act(
      .rotateKey, on: "\(kind.rawValue)", by: .hostOperator(operatorName, on: host)
    ) { [document] in
      ["root_version": .number(Int(clamping: document.version)), "key": .text(named.id)]
    }
    let isStored = try await store.recording(entry).addRootDocument(
      StoredRoot(version: document.version, envelope: signed.envelope), with: [secret],
      at: surroundings.now())
    guard isStored else {
      throw ControlError(
        .conflict, "Root version \(document.version) was made by another rotation meanwhile.",
        remedy: "See the control plane's log, and run the command again if it is still needed.")
    }
    try await keys.signing.refresh()
    surroundings.logger.notice(
      "key rotated",
      metadata: [
        "kind": "\(kind.rawValue)", "root": "\(document.version)", "key": "\(named.id)",
      ])
    return document.version
  }
}
