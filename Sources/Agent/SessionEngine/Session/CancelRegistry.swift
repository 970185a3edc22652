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

  private let entries = Mutex<[Int32: Entry]>([:])

  /// Mints a key that no other open session has, and enters the session under it.
  ///
  /// The process id is positive, as a server's is. The secret has 4 bytes, the length that every
  /// protocol version takes.
  func mint(for session: Session) -> CancelKey {
    var random = SystemRandomNumberGenerator()
    let secret = withUnsafeBytes(of: random.next() as UInt32) { Array($0) }
    return entries.withLock { entries in
      var processID: Int32
      repeat {
        processID = Int32.random(in: 1...Int32.max, using: &random)
      } while entries[processID] != nil
      let key = CancelKey(processID: processID, secret: secret)
      entries[processID] = Entry(key: key, session: session)
      return key
    }
  }

  func remove(_ key: CancelKey) {
    _ = entries.withLock { $0.removeValue(forKey: key.processID) }
  }

  /// The session that was given this key. Secrets are compared in constant time.
  func session(for key: CancelKey) -> Session? {
    entries.withLock { entries in
      guard let entry = entries[key.processID], entry.key.secret == key.secret else { return nil }
      return entry.session
    }
  }
}
