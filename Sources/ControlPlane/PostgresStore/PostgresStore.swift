package import ControlCore
internal import GatewayModel
package import Logging

/// Every store of the control plane, in one PostgreSQL database.
///
/// One file for each family of tables extends this type. Replicas share the database and nothing
/// else.
package struct PostgresStore: Sendable {
  let pool: PostgresPool
  let logger: Logger
  /// What the changes that are made through this value are told by in the control plane's own log.
  var entry: ControlLogEntry?

  /// Connects to the database and brings its schema up to this program's version.
  ///
  /// - Parameters:
  ///   - url: A libpq connection URL; its password appears in no error and no log line.
  ///   - maximumConnections: The most connections this replica holds.
  /// - Throws: `unavailable` when the database cannot be reached, `invalid` when the URL is not
  ///   one, when a newer program has used the database, or when its encoding is not UTF-8.
  package static func open(
    url: String, maximumConnections: Int = 8, logger: Logger
  ) async throws(ControlError) -> PostgresStore {
    let address = try DatabaseAddress(url: url)
    let pool = PostgresPool(address: address, maximumConnections: maximumConnections)
    let store = PostgresStore(pool: pool, logger: logger)
    do {
      try await store.migrate(Migration.all)
      try await store.makePartitions()
      if try await store.secureRoles() != nil {
        logger.notice(
          "the database's roles lack rights; `sallyport-control migrate` prints what to run")
      }
    } catch {
      await pool.close()
      throw error
    }
    return store
  }

  /// Closes the connections once those who use them are done; later calls are refused.
  package func close() async { await pool.close() }

  /// This database as the place of everything.
  package var stores: ControlStores {
    ControlStores(
      access: self, agents: self, audit: self, backups: self, bundles: self, comparison: self,
      completeness: self, connections: self, controlLog: self, evidence: self, policies: self,
      retention: self, secrets: self, status: self)
  }

  /// Runs `body` in a transaction on a connection of its own.
  ///
  /// `body` runs again when the server ended the transaction to resolve a deadlock or a
  /// serialization conflict, so its only effects may be in the database.
  /// - Parameter act: What is done, for messages: "storing the connection \"orders\"".
  func transact<Result: Sendable>(
    _ act: String, _ body: @escaping @Sendable (PostgresSession) throws -> Result
  ) async throws(ControlError) -> Result {
    do {
      return try await pool.transaction(body)
    } catch {
      throw Self.controlError(error, act: act)
    }
  }

  /// Says in the words of the control plane what went wrong in the database.
  static func controlError(_ error: any Error, act: String) -> ControlError {
    switch error {
    case let error as ControlError:
      return error
    case let error as PostgresError:
      let code: ControlError.Code = error.isTransient ? .unavailable : .internal
      return ControlError(
        code, "\(act.prefix(1).uppercased())\(act.dropFirst()) failed: \(error.message)",
        remedy: error.remedy)
    default:
      return ControlError(.internal, "\(act) failed: \(error)", remedy: nil)
    }
  }
}
