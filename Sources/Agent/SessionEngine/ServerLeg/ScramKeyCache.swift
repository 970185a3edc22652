internal import GatewayModel
internal import PostgresWire
import SessionCore

/// What earlier logins derived from database passwords, kept on one event loop, so that a login
/// with the same password spares thousands of hash rounds.
struct ScramKeyCache {
  private struct Key: Hashable {
    var connection: Identifier128
    var role: String
  }

  private struct Entry {
    var password: Secret
    var keys: ScramKeys
  }

  private var entries: [Key: Entry] = [:]
  /// Over it the cache starts anew.
  private static let maximumEntries = 1_024

  /// The keys of this role, if they were derived from this password.
  func keys(for grant: LoginGrant, password: Secret?) -> ScramKeys? {
    guard let entry = entries[Key(connection: grant.connection.id, role: grant.role)],
      entry.password == password
    else { return nil }
    return entry.keys
  }

  mutating func keep(_ keys: ScramKeys, for grant: LoginGrant, password: Secret) {
    let key = Key(connection: grant.connection.id, role: grant.role)
    if entries.count >= Self.maximumEntries, entries[key] == nil { entries.removeAll() }
    entries[key] = Entry(password: password, keys: keys)
  }
}
