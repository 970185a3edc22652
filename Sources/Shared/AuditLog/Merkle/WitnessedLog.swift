import Crypto
import GatewayModel

/// Somebody else's log, as a witness follows it: only its growth is accepted, and nothing that was
/// accepted can be taken back.
package struct WitnessedLog: Sendable {
  /// What a checkpoint comes to, held against the one that was accepted before.
  package enum Verdict: Hashable, Sendable {
    /// The log has not grown.
    case same
    /// The log has grown, and begins as it did before.
    case newer(Checkpoint)
    case conflict(WitnessConflictRecord.Reason)
  }

  package let log: LogID
  private let key: Curve25519.Signing.PublicKey

  /// - Parameter publicKey: The raw Ed25519 key of the log's writer, 32 bytes.
  package init(log: LogID, publicKey: some Collection<UInt8>) throws {
    self.log = log
    key = try Curve25519.Signing.PublicKey(rawRepresentation: Array(publicKey))
  }

  /// The checkpoint that a note holds, if the log's writer has signed it.
  package func checkpoint(signed note: some Collection<UInt8>) -> Checkpoint? {
    guard let checkpoint = Checkpoint(signed: note, key: key), checkpoint.log == log else {
      return nil
    }
    return checkpoint
  }

  /// Judges a signed note.
  ///
  /// - Parameters:
  ///   - known: The checkpoint that was accepted last; `nil` for none, when any that is signed is
  ///     accepted.
  ///   - proof: Proves that the offered log begins with the known one (RFC 6962, section 2.1.2).
  package func judge(
    _ note: some Collection<UInt8>, against known: Checkpoint?, proof: [Hash256]
  ) -> Verdict {
    guard let offered = checkpoint(signed: note) else { return .conflict(.signature) }
    guard let known else { return .newer(offered) }
    if offered.size < known.size { return .conflict(.behind) }
    if offered.size == known.size {
      return offered.root == known.root ? .same : .conflict(.root)
    }
    let begins = MerkleProof.isConsistent(
      (known.size, known.root), (offered.size, offered.root), path: proof)
    return begins ? .newer(offered) : .conflict(.proof)
  }
}
