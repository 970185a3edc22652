package import AuditLog
internal import GatewayModel

/// The newest checkpoint of the control plane's own log, kept for a moment for all agents that ask,
/// with the proofs that were made for it.
actor ControlHeads {
  /// How old a checkpoint may be that is shown to an agent that has seen no newer one.
  static let maximumAge = Duration.seconds(1)
  /// The most proofs to one checkpoint that are kept; nearly all agents ask for the same few.
  static let maximumProofs = 256

  private let log: LogID
  private let store: any ControlLogStore
  private var head: (SignedHead, readAt: ContinuousClock.Instant)?
  private var proofs: [UInt64: [Hash256]] = [:]

  init(log: LogID, store: any ControlLogStore) {
    self.log = log
    self.store = store
  }

  /// The newest checkpoint, never one that is smaller than `known` unless the log is.
  func newest(notBelow known: UInt64) async throws(ControlError) -> SignedHead? {
    if let (head, readAt) = head, head.size >= known,
      ContinuousClock.now - readAt < Self.maximumAge
    {
      return head
    }
    let begun = ContinuousClock.now
    guard let read = try await store.checkpoint(of: log) else { return nil }
    // Others may have read in the meantime, and later.
    if let (present, readAt) = head, readAt > begun, present.size >= read.size { return present }
    if head?.0 != read { proofs = [:] }
    head = (read, begun)
    return read
  }

  /// The proof that the log of `size` records begins with that of `first`.
  func consistency(
    from first: UInt64, to size: UInt64
  ) async throws(ControlError) -> [Hash256]? {
    guard first > 0, first < size else { return [] }
    let isOfHead = head?.0.size == size
    if isOfHead, let proof = proofs[first] { return proof }
    guard let proof = try await store.consistency(of: log, from: first, to: size) else {
      return nil
    }
    if isOfHead, head?.0.size == size {
      if proofs.count >= Self.maximumProofs { proofs = [:] }
      proofs[first] = proof
    }
    return proof
  }
}

/// The control plane's own log as it is shown to an agent.
package struct ControlWitnessing: Sendable, Equatable {
  /// The signed note.
  package var checkpoint: [UInt8]
  package var consistency: [Hash256]
}

extension ControlLog {
  /// What to show an agent that has accepted a checkpoint of `known` records, 0 for none.
  ///
  /// - Returns: `nil` while the log has no record.
  package func witnessing(
    knownSize known: UInt64
  ) async throws(ControlError) -> ControlWitnessing? {
    guard let head = try await heads.newest(notBelow: known) else { return nil }
    // A log that is shorter than the agent knows, or whose tiles are gone, is shown as it is: that
    // is for the agent to find.
    let proof = try await heads.consistency(from: known, to: head.size)
    return ControlWitnessing(checkpoint: head.note, consistency: proof ?? [])
  }
}
