internal import GatewayModel
internal import NIOCore

/// What a statement's text may change that messages behind it are read by.
///
/// Found by keywords, so a text can be taken for one that changes something and is none: what comes
/// of it is a wait, or a named statement without its text behind it in the same segment. What a function, a DO block or a text put together at run time changes
/// is not found.
struct SQLChanges: OptionSet, Hashable, Sendable {
  let rawValue: UInt8

  /// Which statement a name stands for: DEALLOCATE and DISCARD make it free, PREPARE takes it.
  static let statementNames = SQLChanges(rawValue: 1)
  /// Which portal a name stands for: DECLARE makes a cursor of it.
  static let portalNames = SQLChanges(rawValue: 2)
  /// How the server reads texts.
  static let parserSettings = SQLChanges(rawValue: 4)

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// What cannot be known of a text that is not known.
  static let all: SQLChanges = [.statementNames, .portalNames, .parserSettings]

  init(in text: ByteBuffer) {
    let words = Self.words
    self = text.withUnsafeReadableBytes { bytes in
      var found: SQLChanges = []
      var isInWord = false
      for index in bytes.indices {
        let byte = bytes[index]
        if !isInWord, let candidates = words.beginning(with: byte) {
          for word in candidates where word.stands(at: index, in: bytes) {
            found.insert(word.changes)
          }
        }
        isInWord = Self.isOfWord(byte)
      }
      return found
    }
  }

  private struct Word: Sendable {
    /// In small letters.
    let text: [UInt8]
    let changes: SQLChanges

    init(_ text: String, _ changes: SQLChanges) {
      self.text = Array(text.utf8)
      self.changes = changes
    }

    func stands(at start: Int, in bytes: UnsafeRawBufferPointer) -> Bool {
      guard bytes.count - start >= text.count else { return false }
      // SAFETY: in bounds by the line above. The bit makes letters small, and "_" stays alone.
      for offset in text.indices where bytes[start &+ offset] | 0x20 != text[offset] | 0x20 {
        return false
      }
      // `executed_at` is no EXECUTE.
      let end = start &+ text.count
      return end == bytes.count || !SQLChanges.isOfWord(bytes[end])
    }
  }

  /// By their first letters, since few bytes of a text begin one.
  private struct Words: Sendable {
    let c = [Word("client_encoding", .parserSettings)]
    let d = [
      Word("deallocate", .statementNames), Word("discard", .statementNames),
      Word("declare", .portalNames),
    ]
    // Of a statement that was prepared by the protocol and can be any.
    let e = [Word("execute", .all)]
    // Of SET NAMES.
    let n = [Word("names", .parserSettings)]
    let p = [Word("prepare", .statementNames)]
    let s = [Word("standard_conforming_strings", .parserSettings)]

    func beginning(with byte: UInt8) -> [Word]? {
      switch byte | 0x20 {
      case UInt8(ascii: "c"): c
      case UInt8(ascii: "d"): d
      case UInt8(ascii: "e"): e
      case UInt8(ascii: "n"): n
      case UInt8(ascii: "p"): p
      case UInt8(ascii: "s"): s
      default: nil
      }
    }
  }

  private static let words = Words()

  private static func isOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }
}

/// The executions under way that may change what messages behind them are read by.
///
/// Messages are answered in their order, so the newest of each kind is all that has to be known.
struct ChangesUnderWay: Sendable {
  struct Newest: Sendable {
    var statement: StatementID
    /// In which its Sync comes; `nil` for a simple Query, which is answered without one.
    var segment: UInt64?
    /// The last number that a text, or a portal, had by then.
    var version: UInt64
    var portal: UInt64
    /// The replies to the execution are in.
    var hasEnded = false
  }

  private(set) var statementNames: Newest?
  private(set) var portalNames: Newest?
  private(set) var parserSettings: Newest?

  mutating func begin(_ changes: SQLChanges, by execution: Newest) {
    if changes.contains(.statementNames) { statementNames = execution }
    if changes.contains(.portalNames) { portalNames = execution }
    if changes.contains(.parserSettings) { parserSettings = execution }
  }

  /// The replies to this execution are in, and so are those to all before it.
  mutating func end(_ statement: StatementID) {
    if let newest = statementNames, newest.statement <= statement { statementNames = nil }
    if let newest = portalNames, newest.statement <= statement { portalNames = nil }
    if let newest = parserSettings, newest.statement <= statement {
      parserSettings?.hasEnded = true
    }
  }

  /// ReadyForQuery: the server reports a setting that an execution has changed right before it.
  mutating func ready() {
    if parserSettings?.hasEnded == true { parserSettings = nil }
  }
}
