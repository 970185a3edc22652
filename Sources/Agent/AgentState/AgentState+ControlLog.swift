import Foundation
import GRDB

/// That the control plane's own log is not the one the agent has seen before.
package struct ControlLogConflict: Hashable, Sendable {
  /// What does not fit, as the record of the conflict says it.
  package var reason: String
  /// The signed note that does not fit, as it was shown first.
  package var offered: [UInt8]
  /// Why a person has accepted the log all the same; `nil` until then.
  package var acceptance: String?

  package init(reason: String, offered: [UInt8], acceptance: String? = nil) {
    self.reason = reason
    self.offered = offered
    self.acceptance = acceptance
  }
}

extension AgentState {
  /// The last checkpoint of the control plane's own log that was accepted, as the signed note.
  package func controlCheckpoint() async throws(AgentStateError) -> [UInt8]? {
    try await read("reading the control plane's checkpoint") { db in
      try Data.fetchOne(db, sql: "SELECT note FROM control_checkpoint").map { Array($0) }
    }
  }

  /// Keeps a checkpoint of the control plane's own log in place of the last, and forgets a conflict
  /// with that.
  package func keepControlCheckpoint(_ note: [UInt8]) async throws(AgentStateError) {
    try await write("keeping the control plane's checkpoint") { db in
      try db.execute(
        sql: "INSERT OR REPLACE INTO control_checkpoint (only, note) VALUES (1, ?)",
        arguments: [Data(note)])
      try db.execute(sql: "DELETE FROM control_conflict")
    }
  }

  // MARK: Conflicts

  /// The conflict that the agent reports, if any.
  package func controlConflict() async throws(AgentStateError) -> ControlLogConflict? {
    try await read("reading the conflict with the control plane's log") { db in
      try Self.conflict(db)
    }
  }

  /// Keeps a conflict, in place of the last. An acceptance that the agent has not seen yet stays
  /// where the conflict is the one that the person saw.
  package func keepControlConflict(
    _ reason: String, offered: [UInt8]
  ) async throws(AgentStateError) {
    try await write("keeping the conflict with the control plane's log") { db in
      try db.execute(
        sql: """
          INSERT INTO control_conflict (only, reason, offered) VALUES (1, ?, ?)
          ON CONFLICT (only) DO UPDATE SET reason = excluded.reason, offered = excluded.offered,
            acceptance = CASE WHEN reason = excluded.reason AND offered = excluded.offered
              THEN acceptance END
          """,
        arguments: [reason, Data(offered)])
    }
  }

  /// Forgets the conflict, and an acceptance of it: the log fits again.
  package func forgetControlConflict() async throws(AgentStateError) {
    try await write("forgetting the conflict with the control plane's log") { db in
      try db.execute(sql: "DELETE FROM control_conflict")
    }
  }

  /// Accepts that the control plane's own log is another one than before; also while the agent runs.
  ///
  /// - Returns: The conflict as it was; with an acceptance when it had been accepted already, which
  ///   stays. `nil` when the agent reports none.
  package func acceptControlLog(
    reason: String
  ) async throws(AgentStateError) -> ControlLogConflict? {
    try await write("accepting the control plane's log") { db in
      let conflict = try Self.conflict(db)
      try db.execute(
        sql: "UPDATE control_conflict SET acceptance = ? WHERE acceptance IS NULL",
        arguments: [reason])
      return conflict
    }
  }

  private static func conflict(_ db: Database) throws -> ControlLogConflict? {
    try Row.fetchOne(db, sql: "SELECT reason, offered, acceptance FROM control_conflict").map {
      let offered: Data = $0["offered"]
      return ControlLogConflict(
        reason: $0["reason"], offered: Array(offered), acceptance: $0["acceptance"])
    }
  }
}
