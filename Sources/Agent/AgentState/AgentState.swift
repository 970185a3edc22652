import Foundation
import GRDB

/// What an agent must remember and what changes in place, in one SQLite file.
///
/// Every change is one transaction that is synced before the call returns, so a crash leaves the
/// old or the new. All calls go through one connection.
package final class AgentState: Sendable {
  /// What the state is opened for.
  package enum Purpose: Hashable, Sendable {
    /// To join: the folder and file are made if missing; the folder is locked.
    case enrol
    /// To run: the file must be there; the folder is locked.
    case serve
    /// To look, also while an agent runs on it; nothing is locked or migrated.
    case inspect
  }

  /// The state folder.
  package let path: String
  let database: DatabaseQueue
  private let lock: FolderLock?

  /// Opens the state in a folder.
  ///
  /// - Throws: ``AgentStateError`` with any code but `alreadyEnrolled`.
  package static func open(
    folder path: String, for purpose: Purpose
  ) throws(AgentStateError) -> AgentState {
    let folder = StateFolder(path: path)
    if purpose != .enrol {
      guard access(path, F_OK) == 0 else {
        throw AgentStateError(
          code: .folderMissing,
          message:
            "the state folder \"\(path)\" does not exist: run `sallyport-agent enroll` first,"
            + " or give --state the folder it was run with")
      }
      guard access(path, X_OK) != 0 || folder.hasDatabase else { throw notEnrolled(path) }
    }
    if purpose != .inspect { try folder.prepare() }
    guard purpose == .enrol || folder.hasDatabase else { throw notEnrolled(path) }
    let lock = purpose == .inspect ? nil : try folder.lock()
    if purpose != .inspect { try folder.prepareDatabaseFile() }
    do {
      let database = try openDatabase(at: folder.databasePath)
      let migrator = StateSchema.migrator
      guard try database.read({ try !migrator.hasBeenSuperseded($0) }) else {
        throw AgentStateError(
          code: .fromTheFuture,
          message: "the state in \"\(path)\" was written by a newer agent: run that version, or"
            + " enrol again in another --state folder")
      }
      if purpose == .inspect {
        guard try database.read({ try migrator.hasCompletedMigrations($0) }) else {
          throw notEnrolled(path)
        }
      } else {
        try migrator.migrate(database)
      }
      return AgentState(path: path, database: database, lock: lock)
    } catch let error as AgentStateError {
      throw error
    } catch {
      throw failed("opening the state", path, error)
    }
  }

  /// Closes the file and gives the folder free.
  package func close() {
    // A connection that is still in use keeps its file open until it is done; that is harmless.
    try? database.close()
    lock?.release()
  }

  private init(path: String, database: DatabaseQueue, lock: FolderLock?) {
    self.path = path
    self.database = database
    self.lock = lock
  }

  private static func openDatabase(at path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "agent-state"
    configuration.journalMode = .wal
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { db in
      // In WAL mode anything less may lose the last commits to a power cut, and with them the
      // highest version of a bundle.
      try db.execute(sql: "PRAGMA synchronous = FULL")
    }
    return try DatabaseQueue(path: path, configuration: configuration)
  }

  static func notEnrolled(_ path: String) -> AgentStateError {
    AgentStateError(
      code: .notEnrolled,
      message: "the agent in \"\(path)\" is not enrolled: make a join token with `sallyport agents"
        + " invite` and run `sallyport-agent enroll`")
  }

  static func failed(_ act: String, _ path: String, _ error: any Error) -> AgentStateError {
    let reason: String
    if let error = error as? DatabaseError {
      // Without the SQL and its arguments, which may be keys.
      reason = "SQLite: \(error.resultCode): \(error.message ?? "no message")"
    } else {
      reason = "\(error)"
    }
    return AgentStateError(
      code: .database,
      message: "\(act) in \"\(path)\" failed (\(reason)): check the disk; a damaged state is"
        + " replaced by enrolling again in an empty folder")
  }

  /// Runs one read.
  func read<Value: Sendable>(
    _ act: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(AgentStateError) -> Value {
    do {
      return try await database.read(body)
    } catch let error as AgentStateError {
      throw error
    } catch {
      throw Self.failed(act, path, error)
    }
  }

  /// Runs one transaction.
  func write<Value: Sendable>(
    _ act: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(AgentStateError) -> Value {
    do {
      return try await database.write(body)
    } catch let error as AgentStateError {
      throw error
    } catch {
      throw Self.failed(act, path, error)
    }
  }
}
