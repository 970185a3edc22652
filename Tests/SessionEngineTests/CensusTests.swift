import GatewayModel
import PostgresWire
import SessionCore
import Testing

@testable import SessionEngine

/// The counts and the cache that sessions share.
@Suite struct CensusTests {
  @Test func limitsHoldForAllAndForOnePrincipal() throws {
    let census = SessionCensus()
    try census.enter(.of("alice"), limit: 2, principalLimit: 1, grantLimit: nil)
    #expect(throws: SessionCensus.Full.self) {
      try census.enter(.of("alice"), limit: 2, principalLimit: 1, grantLimit: nil)
    }
    try census.enter(.of("bob"), limit: 2, principalLimit: 1, grantLimit: nil)
    #expect(throws: SessionCensus.Full.self) {
      try census.enter(.of("carol"), limit: 2, principalLimit: nil, grantLimit: nil)
    }
    census.leave(.of("alice"))
    try census.enter(.of("alice"), limit: 2, principalLimit: 1, grantLimit: nil)
    // One that never entered takes nothing from another.
    census.leave(.of("mallory"))
    #expect(throws: SessionCensus.Full.self) {
      try census.enter(.of("dave"), limit: 2, principalLimit: nil, grantLimit: nil)
    }
    census.leave(.of("bob"))
    try census.enter(.of("dave"), limit: 2, principalLimit: nil, grantLimit: nil)
  }

  /// A grant's limit is each principal's own, and another grant's sessions do not count.
  @Test func aGrantLimitsThePrincipalsSessionsByIt() throws {
    let census = SessionCensus()
    try census.enter(.of("alice"), limit: 9, principalLimit: nil, grantLimit: 1)
    let full = #expect(throws: SessionCensus.Full.self) {
      try census.enter(.of("alice"), limit: 9, principalLimit: nil, grantLimit: 1)
    }
    #expect(
      full?.detail
        == "alice has 1 sessions open by the grant \"g\" of the policy \"p\"; it allows 1")
    try census.enter(.of("bob"), limit: 9, principalLimit: nil, grantLimit: 1)
    try census.enter(.of("alice", by: "other"), limit: 9, principalLimit: nil, grantLimit: 1)
    census.leave(.of("alice"))
    try census.enter(.of("alice"), limit: 9, principalLimit: nil, grantLimit: 1)
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

extension CountedGrant {
  fileprivate static func of(_ subject: String, by grant: String = "g") -> CountedGrant {
    CountedGrant(subject: subject, policy: "p", grant: grant)
  }
}
