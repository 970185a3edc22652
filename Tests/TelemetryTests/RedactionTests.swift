import Testing

@testable import Telemetry

@Suite struct RedactionTests {
  @Test(arguments: [
    ("token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl refused", "c2lnbmF0dXJl"),
    ("join spj_00112233445566778899aabb.ccddeeff00112233 used twice", "ccddeeff"),
    ("got spa_AbCdEfGh0123456789-_x", "AbCdEfGh"),
    ("host=db password=hunter2 user=app", "hunter2"),
    ("host=db password='two words' user=app", "words"),
    ("PGPASSWORD=hunter2", "hunter2"),
    ("db_password = hunter2", "hunter2"),
    (#"{"password": "hun\"ter2", "a": 1}"#, "ter2"),
    ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
    ("postgresql://app:p@ss@db.example.com/orders", "p@ss"),
    ("SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy", "c3RvcmVk"),
    ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\n-----END EC PRIVATE KEY-----", "MHcCAQEEIA"),
    ("-----BEGIN PRIVATE KEY-----\nMHcCAQEEIA", "MHcCAQEEIA"),
  ])
  func `a secret does not stay`(text: String, secret: String) {
    let redacted = Redaction.redacted(text)
    #expect(!redacted.contains(secret))
    #expect(redacted.contains(Redaction.mark))
  }

  @Test(arguments: [
    "", "password authentication failed for user \"app\"", "the token is expired",
    "https://127.0.0.1:8443/v1/enroll", "user alice@example.com connected", "spj_short",
    "postgresql://app@db.example.com/orders", "http://[::1]:8080/@",
    "wspj_00112233445566778899aabb", "eyJ", "bearer", "://", "-----BEGIN CERTIFICATE-----",
    "the bearer of bad news", "spectators_of_everything_there_is", "tökens… 日本",
  ])
  func `ordinary text stays`(text: String) {
    #expect(Redaction.redacted(text) == text)
  }

  @Test func `what stands around secrets stays`() {
    let text = "a password=x, b postgresql://u:p@h/d c"
    #expect(
      Redaction.redacted(text)
        == "a password=<redacted>, b postgresql://u:<redacted>@h/d c")
  }

  @Test func `random bytes neither trap nor grow without bound`() {
    var random = SplitMix(state: 7)
    let pieces = [
      "password=", "eyJ", "spj_", "://", "@", "-----BEGIN ", "PRIVATE KEY-----", "-----END ",
      "\"", "\\", "'", "=", "Bearer ", "SCRAM-SHA-256$", "é", "\u{0}", " ", "x", "0123456789abcdef",
    ]
    for _ in 0..<2000 {
      let text = (0..<random.next(12)).map { _ in pieces[random.next(pieces.count)] }.joined()
      let redacted = Redaction.redacted(text)
      #expect(redacted.utf8.count <= text.utf8.count + 12 * (Redaction.mark.utf8.count + 1))
    }
  }
}

/// A small seeded generator (SplitMix64).
struct SplitMix {
  var state: UInt64
  mutating func next(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
  }
}
