/// What a command does, in the coarse classes that policy is written in and people ask for.
package enum StatementEffect: String, Hashable, Sendable, Codable, CaseIterable {
  /// Rows are read.
  case read
  /// Rows are made, changed or removed.
  case write
  /// The schema changes.
  case ddl
  /// Roles, grants, owners, row security, settings of the server: who may do what.
  case privilege
  /// Who the session is at the server, or a setting that Sallyport relies on, changes: SET ROLE, SET
  /// SESSION AUTHORIZATION, DISCARD ALL, the read-only mode of transactions.
  case session
  /// Files or programs of the server's host, or its libraries.
  case program
  /// What it does cannot be told from its text: DO, CALL, a function that is not known, an EXECUTE of
  /// something that was not seen, a text that no parser understands.
  case unknown
  /// VACUUM, ANALYZE, REINDEX and their like.
  case maintenance
  /// Rows or tables are locked by name, and advisory locks.
  case lock
  /// A transaction begins or ends, or a part of one.
  case transaction
  /// Other settings, cursors, prepared statements, notifications of the session.
  case setting

}

extension StatementEffect {
  /// Those that every session has to have and no grant names.
  package static let always: StatementEffects = [.transaction, .setting]
}

/// A set of effects.
package struct StatementEffects: OptionSet, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let read = Self(.read)
  package static let write = Self(.write)
  package static let ddl = Self(.ddl)
  package static let privilege = Self(.privilege)
  package static let session = Self(.session)
  package static let program = Self(.program)
  package static let unknown = Self(.unknown)
  package static let maintenance = Self(.maintenance)
  package static let lock = Self(.lock)
  package static let transaction = Self(.transaction)
  package static let setting = Self(.setting)

  package init(_ effect: StatementEffect) {
    let bit: UInt16 =
      switch effect {
      case .read: 0
      case .write: 1
      case .ddl: 2
      case .privilege: 3
      case .session: 4
      case .program: 5
      case .unknown: 6
      case .maintenance: 7
      case .lock: 8
      case .transaction: 9
      case .setting: 10
      }
    self.init(rawValue: 1 << bit)
  }

  package init(_ effects: some Sequence<StatementEffect>) {
    self = effects.reduce(into: []) { $0.insert(Self($1)) }
  }

  /// All that a grant can name, but for those that change who the session is.
  package static let grantable = StatementEffects(StatementEffect.allCases)
    .subtracting(.session).subtracting(StatementEffect.always)

  /// In the order of ``StatementEffect``.
  package var effects: [StatementEffect] {
    StatementEffect.allCases.filter { contains(Self($0)) }
  }
}
