import Foundation
import Synchronization

/// The folder an agent keeps its state in: 0700, its files 0600, used by one agent at a time.
struct StateFolder {
  static let databaseName = "agent.sqlite"
  static let lockName = "agent.lock"

  let path: String

  var databasePath: String { "\(path)/\(Self.databaseName)" }
  var hasDatabase: Bool { access(databasePath, F_OK) == 0 }

  /// Makes the folder if it is missing and sees that only its owner can enter it.
  func prepare() throws(AgentStateError) {
    var status = stat()
    if stat(path, &status) != 0 {
      do {
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true,
          attributes: [.posixPermissions: 0o700])
      } catch {
        throw AgentStateError(
          code: .folderNotWritable,
          message: "the state folder \"\(path)\" cannot be made: give --state a folder in a place"
            + " where this user may write")
      }
    } else if status.st_mode & S_IFMT != S_IFDIR {
      throw AgentStateError(
        code: .folderNotWritable,
        message: "the state folder \"\(path)\" is not a folder: give --state another path")
    } else if status.st_mode & 0o077 != 0 {
      try narrow()
    }
    guard access(path, W_OK | X_OK) == 0 else {
      throw AgentStateError(
        code: .folderNotWritable,
        message: "the state folder \"\(path)\" is not writable for this user: give it to the user"
          + " with `chown`, or give --state another folder")
    }
  }

  /// Makes a file that only its owner can read, before SQLite opens it: SQLite gives its journal
  /// the mode of the database.
  func prepareDatabaseFile() throws(AgentStateError) {
    let descriptor = open(databasePath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw AgentStateError(
        code: .folderNotWritable,
        message: "the state file \"\(databasePath)\" cannot be opened: \(systemMessage()); give it"
          + " to this user with `chown`")
    }
    defer { close(descriptor) }
    guard fchmod(descriptor, 0o600) == 0 else {
      throw AgentStateError(
        code: .folderNotPrivate,
        message: "the state file \"\(databasePath)\" cannot be made private: \(systemMessage());"
          + " give it to this user with `chown`")
    }
  }

  /// Takes the folder for this process until the lock is released or the process ends.
  func lock() throws(AgentStateError) -> FolderLock {
    let lockPath = "\(path)/\(Self.lockName)"
    let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw AgentStateError(
        code: .folderNotWritable,
        message: "the lock \"\(lockPath)\" cannot be opened: \(systemMessage()); give the folder"
          + " to this user with `chown`")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw AgentStateError(
        code: .inUse,
        message: "another agent is running on the state folder \"\(path)\": stop it, or give this"
          + " one a --state folder of its own")
    }
    return FolderLock(descriptor: descriptor)
  }

  /// Only a folder that is empty or an agent's own is changed; any other (`/tmp`, a home) is
  /// refused, since taking it away from others would break them.
  private func narrow() throws(AgentStateError) {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? ["?"]
    guard entries.isEmpty || entries.contains(Self.databaseName), chmod(path, 0o700) == 0 else {
      throw AgentStateError(
        code: .folderNotPrivate,
        message: "the state folder \"\(path)\" can be read by others and is not this agent's alone:"
          + " give --state a folder of its own, or `chmod 700` it")
    }
  }

  private func systemMessage() -> String { String(cString: strerror(errno)) }
}

/// Holds a state folder for one process.
final class FolderLock: Sendable {
  private let descriptor: Mutex<Int32?>

  init(descriptor: Int32) { self.descriptor = Mutex(descriptor) }

  func release() {
    descriptor.withLock { open in
      if let descriptor = open {
        // Said aloud: a child process that was started meanwhile may hold the descriptor a little
        // longer, and the lock with it.
        flock(descriptor, LOCK_UN)
        close(descriptor)
      }
      open = nil
    }
  }

  deinit { release() }
}
