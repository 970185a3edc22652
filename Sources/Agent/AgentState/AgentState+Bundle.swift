import Foundation
import GRDB

extension AgentState {
  /// Keeps a bundle and raises the highest version, in one transaction.
  ///
  /// - Throws: ``AgentStateError`` `database` when the version is lower than the highest, or the
  ///   same with another hash: the verifier refuses such a bundle first, so this is the second
  ///   lock on that door.
  package func accept(_ bundle: StoredBundle) async throws(AgentStateError) {
    let path = self.path
    try await write("keeping the bundle") { db in
      guard let version = Int64(exactly: bundle.version) else {
        throw Self.unstorable("version \(bundle.version)", path)
      }
      if let row = try Row.fetchOne(db, sql: "SELECT version, hash FROM highest_version") {
        let highest: Int64 = row["version"]
        let hash: Data = row["hash"]
        guard version > highest || version == highest && Array(hash) == bundle.hash else {
          throw AgentStateError(
            code: .database,
            message: "keeping bundle version \(version) refused: version \(highest) was accepted"
              + " before; publish a newer version")
        }
      }
      let hash = Data(bundle.hash)
      try db.execute(
        sql: """
          INSERT OR REPLACE INTO bundle (only, version, hash, envelope, root_version)
          VALUES (1, ?, ?, ?, ?)
          """,
        arguments: [version, hash, Data(bundle.envelope), Int64(clamping: bundle.rootVersion)])
      try db.execute(
        sql: "INSERT OR REPLACE INTO highest_version (only, version, hash) VALUES (1, ?, ?)",
        arguments: [version, hash])
    }
  }

  /// The bundle accepted last, if any; to be verified again before it is used.
  package func bundle() async throws(AgentStateError) -> StoredBundle? {
    try await read("reading the bundle") { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT * FROM bundle") else { return nil }
      let version: Int64 = row["version"]
      let hash: Data = row["hash"]
      let envelope: Data = row["envelope"]
      let root: Int64 = row["root_version"]
      return StoredBundle(
        version: UInt64(clamping: version), hash: Array(hash), envelope: Array(envelope),
        rootVersion: UInt64(clamping: root))
    }
  }

  /// The highest version ever accepted with its payload's hash; never goes down.
  package func highestVersion() async throws(AgentStateError) -> (version: UInt64, hash: [UInt8])? {
    try await read("reading the highest version") { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT version, hash FROM highest_version")
      else { return nil }
      let version: Int64 = row["version"]
      let hash: Data = row["hash"]
      return (UInt64(clamping: version), Array(hash))
    }
  }

  static func unstorable(_ what: String, _ path: String) -> AgentStateError {
    AgentStateError(
      code: .database,
      message: "keeping \(what) in \"\(path)\" refused: SQLite holds numbers up to \(Int64.max)")
  }
}
