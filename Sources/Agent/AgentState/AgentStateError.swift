/// Why an agent's state could not be opened, read or written.
package struct AgentStateError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable, CaseIterable {
    case folderMissing
    case folderNotWritable
    /// The folder holds something else and others can read it.
    case folderNotPrivate
    /// Another agent has the folder open.
    case inUse
    case notEnrolled
    case alreadyEnrolled
    /// A newer agent wrote the database.
    case fromTheFuture
    /// SQLite refused: a damaged file, a full disk.
    case database
  }

  package var code: Code
  /// What failed, with the path, and what to do about it.
  package var message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
