internal import NIOCore

/// How far what a statement does can reach while its transaction is not committed.
///
/// Judged by words, without a parser, and only ever too far: a text that is not understood reaches
/// ``beyond``. The names of PostgreSQL's own keywords and functions are trusted to be what they say;
/// what functions behind triggers, views, operators, casts, cursors and the defaults of columns do
/// is not seen, nor that `t.f` calls a function where the table `t` has no column `f`.
enum StatementReach: Hashable, Sendable {
  /// It begins a transaction or marks a place in one: nothing lasts of it, and it shows nothing.
  case nowhere
  /// It undoes its transaction and leaves it.
  case leaving
  /// What it does is undone with its transaction; what it shows is not.
  case transaction
  /// Something may last whatever becomes of the transaction, or it ends the transaction.
  case beyond

  /// Whether the transaction's state behind it is another, or not known.
  var mayLeaveTransaction: Bool { self == .leaving || self == .beyond }

  init(of text: ByteBuffer) {
    self = text.withUnsafeReadableBytes { Self.reach(of: CommandText($0)) }
  }

  private static func reach(of text: CommandText) -> StatementReach {
    guard let word = text.firstWord, text.isSingle else { return .beyond }
    switch word {
    case "begin", "savepoint", "release": return text.hasComment ? .beyond : .nowhere
    case "start": return !text.hasComment && text.names("transaction") ? .nowhere : .beyond
    case "rollback", "abort":
      guard !text.hasComment, !text.names("prepared") else { return .beyond }
      return text.names("to") ? .nowhere : .leaving
    default:
      guard inTransaction.contains(word), !text.hasLineComment, !text.callsUnknown else {
        return .beyond
      }
      return .transaction
    }
  }

  /// First words of commands that PostgreSQL undoes with the transaction they ran in.
  private static let inTransaction: Set<String> = [
    "close", "declare", "delete", "fetch", "insert", "lock", "merge", "move", "select", "set",
    "show", "table", "update", "values", "with",
  ]
}

/// What a statement's records have to wait for, in a session that is power-safe.
enum MediumWait: Hashable, Sendable {
  case none
  /// The answer to the statement waits for its begin on the medium.
  case beforeRows
  /// The statement itself does.
  case beforeForward
}

/// Whether the server is in a transaction block for certain, with what is on its way to it.
struct TransactionUnderWay: Sendable {
  /// The queue's number of the newest execution that may leave the transaction.
  private var leaving: UInt64?

  var isLeaving: Bool { leaving != nil }

  /// What an execution waits for.
  ///
  /// - Parameter status: As the last ReadyForQuery said.
  func wait(for reach: StatementReach, status: UInt8) -> MediumWait {
    switch reach {
    case .nowhere, .leaving: .none
    case .transaction:
      status == UInt8(ascii: "T") && leaving == nil ? .beforeRows : .beforeForward
    case .beyond: .beforeForward
    }
  }

  /// An execution was queued that may leave the transaction.
  mutating func leave(by number: UInt64) { leaving = number }

  /// ReadyForQuery: everything before `head` is done, and the status tells of it.
  mutating func ready(head: UInt64?) {
    guard let last = leaving, head.map({ $0 > last }) ?? true else { return }
    leaving = nil
  }
}
