import Foundation
import GRDB

extension AgentState {
  /// The last checkpoint of the control plane's own log that was accepted, as the signed note.
  package func controlCheckpoint() async throws(AgentStateError) -> [UInt8]? {
    try await read("reading the control plane's checkpoint") { db in
      try Data.fetchOne(db, sql: "SELECT note FROM control_checkpoint").map { Array($0) }
    }
  }

  /// Keeps a checkpoint of the control plane's own log in place of the last.
  package func keepControlCheckpoint(_ note: [UInt8]) async throws(AgentStateError) {
    try await write("keeping the control plane's checkpoint") { db in
      try db.execute(
        sql: "INSERT OR REPLACE INTO control_checkpoint (only, note) VALUES (1, ?)",
        arguments: [Data(note)])
    }
  }
}
