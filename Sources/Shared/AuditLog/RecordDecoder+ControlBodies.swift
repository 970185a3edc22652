import AuditRecordProto
import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What witnesses write and what the control plane writes of itself.
extension RecordDecoder {
  static func agentsWitness(
    _ witness: Sallyport_Audit_V1_AgentsWitness, _ seq: UInt64
  ) throws(RecordDecodingError) -> AgentsWitnessRecord {
    var heads: [AgentsWitnessRecord.Head] = []
    heads.reserveCapacity(witness.heads.count)
    for head in witness.heads {
      heads.append(
        AgentsWitnessRecord.Head(
          log: try log(head.agent, head.epoch, head.lane, field: "agents_witness", seq),
          size: head.size, root: try hash(head.root, field: "agents_witness.root", seq),
          checkpoint: Array(head.checkpoint)))
    }
    return AgentsWitnessRecord(heads: heads)
  }

  static func equivocation(
    _ found: Sallyport_Audit_V1_Equivocation, _ seq: UInt64
  ) throws(RecordDecodingError) -> EquivocationRecord {
    EquivocationRecord(
      log: try log(found.agent, found.epoch, found.lane, field: "equivocation", seq),
      size: found.size,
      storedRoot: try hash(found.storedRoot, field: "equivocation.stored_root", seq),
      checkpoint: Array(found.checkpoint), detail: found.detail)
  }

  static func retentionPrune(
    _ prune: Sallyport_Audit_V1_RetentionPrune, _ seq: UInt64
  ) throws(RecordDecodingError) -> RetentionPruneRecord {
    var logs: [RetentionPruneRecord.PrunedLog] = []
    for pruned in prune.logs {
      var frontier: [Hash256] = []
      for root in pruned.frontier {
        frontier.append(try hash(root, field: "retention_prune.frontier", seq))
      }
      logs.append(
        RetentionPruneRecord.PrunedLog(
          log: try log(pruned.agent, pruned.epoch, pruned.lane, field: "retention_prune", seq),
          firstSeq: pruned.firstSeq, nextSeq: pruned.nextSeq, frontier: frontier))
    }
    return RetentionPruneRecord(
      day: prune.day, logs: logs, records: prune.records, exportFile: prune.exportFile,
      exportSHA256: Array(prune.exportSha256))
  }

  static func caller(_ caller: Sallyport_Audit_V1_Caller) -> RecordedCaller {
    RecordedCaller(
      tokenID: caller.tokenID, name: caller.name, role: caller.role, address: caller.address)
  }

  private static func log(
    _ agent: Data, _ epoch: UInt64, _ lane: UInt32, field: String, _ seq: UInt64
  ) throws(RecordDecodingError) -> LogID {
    LogID(
      agent: AgentID(try identifier(agent, field: "\(field).agent", seq: seq)), epoch: epoch,
      lane: lane)
  }

  private static func hash(
    _ data: Data, field: String, _ seq: UInt64
  ) throws(RecordDecodingError) -> Hash256 {
    guard let value = Hash256(bytes: data) else {
      throw invalid(field, "\(data.count) bytes, not 32", seq)
    }
    return value
  }
}
