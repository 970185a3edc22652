package import ControlCore
import Foundation
package import GatewayModel

extension PostgresStore {
  package func position(of log: LogID) async throws(ControlError) -> IngestAnswer {
    try await transact("reading the cursor of \"\(log)\"") { session in
      if let reason = try Self.quarantineReason(log.agent, session) {
        return .quarantined(reason: reason)
      }
      let found = try session.row(
        """
        SELECT next_seq, checkpoint, horizon_seq FROM sallyport.log_cursor
        WHERE agent = $1 AND epoch = $2 AND lane = $3
        """, Self.key(log)
      ) { row throws(PostgresError) in
        IngestAnswer.wrongCursor(
          nextSeq: try row.unsigned(), checkpoint: Data(try row.bytes()),
          keepFrom: try row.unsigned())
      }
      return found ?? .wrongCursor(nextSeq: 0, checkpoint: Data(), keepFrom: 0)
    }
  }
}
