/// Why the record log could not do what it was asked.
package struct RecordLogError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable {
    /// Another process holds the folder.
    case locked
    /// The folder cannot be made, read or written, or belongs to another agent.
    case unusable
    /// No room: the disk or the log's own limit is reached.
    case full
    /// A write or a sync failed for another reason than room.
    case io
    /// Bytes that were committed are not what they were.
    case damaged
    /// A seq that the log does not have.
    case outOfRange
    /// A record larger than a frame can be.
    case tooLarge
    /// The log was closed.
    case closed
    /// Too many wait for the same.
    case busy
  }

  package let code: Code
  /// What failed, with what, and what to do.
  package let message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}

/// A system call that failed.
package struct FileFailure: Error, Hashable, Sendable {
  /// The call, for example `write`.
  package let call: String
  package let path: String
  package let errorNumber: Int32

  package init(call: String, path: String, errorNumber: Int32) {
    self.call = call
    self.path = path
    self.errorNumber = errorNumber
  }
}
