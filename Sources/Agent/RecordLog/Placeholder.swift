// Signatures to come in this folder (bodies follow):
//
// package final class RecordLogDirectory: Sendable {
//   /// Opens and locks the folder (made when missing).
//   package init(configuration: RecordLogConfiguration, agent: AgentID, files: any FileAccess = PosixFiles(), now: WallTime) throws(RecordLogError)
//   package let epoch: UInt64                         // the epoch of new writers
//   package func openWriter(lane: UInt32, writer: WriterIdentity, at: WallTime) throws(RecordLogError) -> sending LaneWriter
//   package func logs() -> [LogID]                    // all logs on disk, also of lanes and epochs that are written no more
//   package func reader(for log: LogID) throws(RecordLogError) -> LaneReader
//   package var health: RecordLogHealth { get }       // state .ok/.degraded/.failing, problems [String], backlogRecords, usedBytes, freeBytes, diskLevel
//   package func close()                              // after the writers are closed
// }
// package struct WriterIdentity: Sendable { agentVersion: String, host: String }
// package struct RecordLogConfiguration: Sendable { init(folder: String, segmentBytes: Int = 64 MiB, maximumBytes: Int? = nil, reserveBytes: Int = 4 MiB, retainedBytes…, syncInterval: Duration = .milliseconds(50)) }
//
// /// Used on one event loop; not Sendable.
// package final class LaneWriter {
//   package let log: LogID
//   package var nextSeq: UInt64 { get }
//   /// .open, .closing(RecordLogError) (full: only ends and closes are taken), .failed(RecordLogError)
//   package var standing: Standing { get }
//   package var acceptsWork: Bool { get }             // standing == .open: ask before a session or statement begins
//   @discardableResult
//   package func append<Body: RecordBody>(_ body: borrowing Body, session: SessionID?, at: WallTime) -> UInt64
//   /// Writes the text's records unless this log has the digest already.
//   package func appendText(_ text: UnsafeRawBufferPointer, digest: StatementDigest, at: WallTime)
//   package var hasPending: Bool { get }
//   package func commit() throws(RecordLogError)      // one write(2); on a throw nothing that was pending is in the log
//   package func reopen(at: WallTime) throws(RecordLogError)   // try about once a second while standing is not .open
//   package func close(reason: String, at: WallTime) throws(RecordLogError)  // log.close, synced
// }
//
// /// For the shipper: any task.
// package final class LaneReader: Sendable {
//   package let log: LogID
//   package var backlog: UInt64 { get }               // committed and not acknowledged
//   package var firstSeq: UInt64 { get }              // the oldest still on disk
//   package var endSeq: UInt64 { get }                // one behind the last that can be read
//   package func batch(from: UInt64, maximumRecords: Int, maximumBytes: Int) throws(RecordLogError) -> RecordBatch  // may be empty
//   package func nextBatch(from:maximumRecords:maximumBytes:) async throws -> RecordBatch      // waits for at least one; CancellationError
//   package func acknowledge(before seq: UInt64) throws(RecordLogError)   // everything below seq is stored by the control plane
// }
// package struct RecordBatch: Sendable { log: LogID, fromSeq: UInt64, records: [Data]; nextSeq: UInt64; byteCount: Int }
// package struct RecordLogError: Error { code: .locked/.unusable/.full/.io/.damaged/.outOfRange, message }
