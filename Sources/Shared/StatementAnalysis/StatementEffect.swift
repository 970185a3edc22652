/// What a command does, in the coarse classes that people ask for.
package enum StatementEffect: String, Hashable, Sendable, CaseIterable {
  /// Rows are read.
  case read
  /// Rows are made, changed or removed.
  case write
  /// The schema changes.
  case ddl
  /// A transaction begins or ends, or a part of one.
  case transaction
  /// Settings, cursors, prepared statements, notifications of the session.
  case session
  /// Roles, grants, row security: who may do what.
  case privilege
  /// Locks are taken by name.
  case lock
  /// Code runs that the text does not show: CALL, DO, EXECUTE of a prepared statement.
  case code
  /// VACUUM, ANALYZE, REINDEX and their like.
  case maintenance
}
