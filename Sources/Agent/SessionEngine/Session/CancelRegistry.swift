internal import PostgresWire
import Synchronization

/// The keys that clients were given for cancelling, over all event loops.
///
/// Used when a session opens and ends and when a cancel comes, never by a statement.
final class CancelRegistry: Sendable {
  private struct Entry {
    let key: CancelKey
    let session: Session
  }

  private let keys = CancelKeyMint()
  private let entries = Mutex<[Int32: Entry]>([:])

  /// Mints a key whose process id no other open session has, and enters the session under it.
  ///
  /// The process id is positive, as a server's is. The length is as the protocol version of the
  /// session's client leg has it.
  func mint(for session: Session, version: ProtocolVersion) -> CancelKey {
    var random = SystemRandomNumberGenerator()
    return entries.withLock { entries in
      var processID: Int32
      repeat {
        processID = Int32.random(in: 1...Int32.max, using: &random)
      } while entries[processID] != nil
      let key = keys.mint(processID: processID, isLong: version.hasLongCancelKeys)
      entries[processID] = Entry(key: key, session: session)
      return key
    }
  }

  func remove(_ key: CancelKey) {
    _ = entries.withLock { $0.removeValue(forKey: key.processID) }
  }

  /// The session that was given this key. Secrets are compared in constant time; a forged key does
  /// not get as far as the sessions.
  func session(for key: CancelKey) -> Session? {
    guard keys.origin(of: key) == .plausible else { return nil }
    return entries.withLock { entries in
      guard let entry = entries[key.processID], entry.key.secret == key.secret else { return nil }
      return entry.session
    }
  }
}
