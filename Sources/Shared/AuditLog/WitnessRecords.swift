import GatewayModel

/// `witness.conflict`: an agent has seen two checkpoints of the control plane's own log that do not
/// fit together.
package struct WitnessConflictRecord: RecordBody {
  package static var kind: RecordKind { .witnessConflict }

  package enum Reason: String, Hashable, Sendable, CaseIterable {
    /// The one that came is not signed by the control plane.
    case signature
    /// It is of a shorter log than the known one.
    case behind
    /// It is of a log as long as the known one, with another root.
    case root
    /// Nothing proves that its log begins with the known one.
    case proof
  }

  /// The signed note that was accepted before.
  package var knownCheckpoint: [UInt8]
  /// The one that came now.
  package var offeredCheckpoint: [UInt8]
  package var reason: String

  package init(knownCheckpoint: [UInt8], offeredCheckpoint: [UInt8], reason: String) {
    self.knownCheckpoint = knownCheckpoint
    self.offeredCheckpoint = offeredCheckpoint
    self.reason = reason
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.bytes(1, knownCheckpoint)
    fields.bytes(2, offeredCheckpoint)
    fields.string(3, reason)
  }
}

/// `agents.witness`: the agents' logs that have grown since the last such record, as they stand now.
package struct AgentsWitnessRecord: RecordBody {
  package static var kind: RecordKind { .agentsWitness }

  /// One log as the control plane has it.
  package struct Head: Hashable, Sendable {
    package var log: LogID
    package var size: UInt64
    package var root: Hash256
    /// As the agent signed it.
    package var checkpoint: [UInt8]

    package init(log: LogID, size: UInt64, root: Hash256, checkpoint: [UInt8]) {
      self.log = log
      self.size = size
      self.root = root
      self.checkpoint = checkpoint
    }
  }

  package var heads: [Head]
  package init(heads: [Head]) { self.heads = heads }

  package func writeFields(to fields: inout FieldWriter) {
    for head in heads {
      fields.message(1) { fields in
        fields.log(head.log)
        fields.varint(4, head.size)
        fields.bytes(5, head.root.bytes)
        fields.bytes(6, head.checkpoint)
      }
    }
  }
}

/// `equivocation`: an agent has signed two histories of one log.
package struct EquivocationRecord: RecordBody {
  package static var kind: RecordKind { .equivocation }

  package var log: LogID
  /// The tree of this size has two roots.
  package var size: UInt64
  package var storedRoot: Hash256
  /// As the agent signed it, with the other root.
  package var checkpoint: [UInt8]
  package var detail: String

  package init(
    log: LogID, size: UInt64, storedRoot: Hash256, checkpoint: [UInt8], detail: String
  ) {
    self.log = log
    self.size = size
    self.storedRoot = storedRoot
    self.checkpoint = checkpoint
    self.detail = detail
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.log(log)
    fields.varint(4, size)
    fields.bytes(5, storedRoot.bytes)
    fields.bytes(6, checkpoint)
    fields.string(7, detail)
  }
}

extension FieldWriter {
  /// The three fields that name a log, which have the numbers 1 to 3 wherever one is named.
  mutating func log(_ log: LogID) {
    identifier(1, log.agent.value)
    varint(2, log.epoch)
    varint(3, log.lane)
  }
}
