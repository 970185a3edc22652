import GatewayModel

/// `log.open`: a run of the agent has begun to write this log.
package struct LogOpenRecord: RecordBody {
  package static var kind: RecordKind { .logOpen }

  package var log: LogID
  package var agentVersion: String
  package var host: String
  /// Whether the log goes on after an earlier run of the agent.
  package var continued: Bool
  /// What an epoch cites of the one before it; empty in the first.
  package var previousRoot: [UInt8]
  package var previousSize: UInt64

  package init(
    log: LogID, agentVersion: String, host: String, continued: Bool, previousRoot: [UInt8] = [],
    previousSize: UInt64 = 0
  ) {
    self.log = log
    self.agentVersion = agentVersion
    self.host = host
    self.continued = continued
    self.previousRoot = previousRoot
    self.previousSize = previousSize
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.identifier(1, log.agent.value)
    fields.varint(2, log.epoch)
    fields.varint(3, log.lane)
    fields.string(4, agentVersion)
    fields.string(5, host)
    fields.bool(6, continued)
    fields.bytes(7, previousRoot)
    fields.varint(8, previousSize)
  }
}

/// `log.close`: a run of the agent has ended in order.
package struct LogCloseRecord: RecordBody {
  package static var kind: RecordKind { .logClose }
  package var reason: String
  package init(reason: String) { self.reason = reason }
  package func writeFields(to fields: inout FieldWriter) { fields.string(1, reason) }
}

/// `loss`: records are known to be missing.
package struct LossRecord: RecordBody {
  package static var kind: RecordKind { .loss }

  /// `host_restart`, `damaged`, `disk_full` or `io_error`.
  package var reason: String
  /// Where the first lost record stood, or would have stood.
  package var firstLostSeq: UInt64
  package var lostAtMost: UInt64
  package var from: WallTime
  package var to: WallTime

  package init(
    reason: String, firstLostSeq: UInt64, lostAtMost: UInt64, from: WallTime, to: WallTime
  ) {
    self.reason = reason
    self.firstLostSeq = firstLostSeq
    self.lostAtMost = lostAtMost
    self.from = from
    self.to = to
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.string(1, reason)
    fields.varint(2, firstLostSeq)
    fields.varint(3, lostAtMost)
    fields.time(4, from)
    fields.time(5, to)
  }
}

/// `heartbeat`: an idle log says that it lives.
package struct HeartbeatRecord: RecordBody {
  package static var kind: RecordKind { .heartbeat }
  package var openSessions: UInt64
  package var backlogRecords: UInt64

  package init(openSessions: UInt64, backlogRecords: UInt64) {
    self.openSessions = openSessions
    self.backlogRecords = backlogRecords
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.varint(1, openSessions)
    fields.varint(2, backlogRecords)
  }
}

/// `policy.applied`: the agent judges by this bundle from here on.
package struct BundleAppliedRecord: RecordBody {
  package static var kind: RecordKind { .bundleApplied }
  package var version: UInt64
  package var hash: [UInt8]

  package init(version: UInt64, hash: [UInt8]) {
    self.version = version
    self.hash = hash
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.varint(1, version)
    fields.bytes(2, hash)
  }
}

/// `policy.rejected`: the agent keeps the bundle it has.
package struct BundleRejectedRecord: RecordBody {
  package static var kind: RecordKind { .bundleRejected }
  package var version: UInt64
  package var hash: [UInt8]
  package var reason: String
  package var detail: String

  package init(version: UInt64, hash: [UInt8], reason: String, detail: String) {
    self.version = version
    self.hash = hash
    self.reason = reason
    self.detail = detail
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.varint(1, version)
    fields.bytes(2, hash)
    fields.string(3, reason)
    fields.string(4, detail)
  }
}
