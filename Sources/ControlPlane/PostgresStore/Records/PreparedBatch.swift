internal import AuditLog
internal import ControlCore
internal import GatewayModel

/// A batch with everything that can be made of it before a connection is taken, so that no lock is
/// held for it.
struct PreparedBatch: Sendable {
  let log: LogID
  let records: [ReceivedRecord]
  /// Signed by the agent, of this log, and as long as the log is after the batch.
  let checkpoint: Checkpoint
  /// The checkpoint as it came.
  let note: [UInt8]
  let growth: TreeGrowth
  let rows: CopyRows

  /// - Throws: `invalid` when no good checkpoint came with the batch.
  init(_ batch: ShippedBatch) throws(ControlError) {
    checkpoint = try batch.verifiedCheckpoint()
    log = batch.log
    note = Array(batch.checkpoint)
    var rows = CopyRows()
    rows.reserve(batch.records.reduce(0) { $0 + $1.count + 160 })
    var records: [ReceivedRecord] = []
    records.reserveCapacity(batch.records.count)
    for (index, bytes) in batch.records.enumerated() {
      let record = ReceivedRecord(seq: batch.fromSeq &+ UInt64(index), bytes: bytes)
      record.append(to: &rows, log: log)
      records.append(record)
    }
    self.records = records
    self.rows = rows
    growth = TreeGrowth(from: batch.fromSeq, leaves: records.map(\.leaf))
  }

  var fromSeq: UInt64 { growth.from }
  var nextSeq: UInt64 { growth.size }

  var opensLog: Bool { records.contains { $0.decoded?.kind == .logOpen } }

  /// The time of the last record that can be read; `nil` when none can be.
  ///
  /// Not the latest time of all: a clock that was wrong for a moment would stand for ever.
  var lastTime: WallTime? {
    records.last { $0.decoded != nil }?.decoded?.header.time
  }
}
