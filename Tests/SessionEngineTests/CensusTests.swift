import GatewayModel
import PostgresWire
import SessionCore
import Testing

@testable import SessionEngine

/// The counts and the cache that sessions share.
@Suite struct CensusTests {
  @Test func limitsHoldForAllAndForOnePrincipal() throws {
    let census = SessionCensus()
    try census.enter("alice", limit: 2, principalLimit: 1)
    #expect(throws: SessionCensus.Full.self) {
      try census.enter("alice", limit: 2, principalLimit: 1)
    }
    try census.enter("bob", limit: 2, principalLimit: 1)
    #expect(throws: SessionCensus.Full.self) {
      try census.enter("carol", limit: 2, principalLimit: nil)
    }
    census.leave("alice")
    try census.enter("alice", limit: 2, principalLimit: 1)
    // One that never entered takes nothing from another.
    census.leave("mallory")
    #expect(throws: SessionCensus.Full.self) {
      try census.enter("dave", limit: 2, principalLimit: nil)
    }
    census.leave("bob")
    try census.enter("dave", limit: 2, principalLimit: nil)
  }

  @Test func derivedKeysAreForOnePasswordOfOneRole() throws {
    var cache = ScramKeyCache()
    func grant(_ role: String) -> LoginGrant {
      let principal = Principal(issuer: "i", subject: "alice")
      return LoginGrant(
        principal: principal, actors: ActorChain(principal: principal), tokenID: "t",
        tokenExpiresUnixSeconds: 0, expiry: MonotonicTime(nanoseconds: .max),
        connection: Connection(
          id: Identifier128(high: 1, low: 1), name: "orders", segment: "s", host: "h", port: 1,
          database: "d", tls: .disable),
        role: role, grantName: "g", bundleVersion: 1, bundleHash: [])
    }
    let password = Secret(text: "secret")
    let keys = ScramKeys(
      password: SensitiveBytes("secret".utf8), salt: [1, 2, 3, 4], iterations: 4_096)
    #expect(cache.keys(for: grant("app"), password: password) == nil)
    cache.keep(keys, for: grant("app"), password: password)
    #expect(cache.keys(for: grant("app"), password: password)?.iterations == 4_096)
    #expect(cache.keys(for: grant("app"), password: Secret(text: "other")) == nil)
    #expect(cache.keys(for: grant("app"), password: nil) == nil)
    #expect(cache.keys(for: grant("reader"), password: password) == nil)
  }
}
