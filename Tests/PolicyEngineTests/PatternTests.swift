import GatewayModel
import Testing

@testable import PolicyEngine

/// The values that policies are written with.
@Suite struct PatternTests {
  @Test(arguments: [
    ("*", "", true), ("a", "a", true), ("a", "A", false), ("a*", "a", true), ("a*", "ba", false),
    ("*a", "ba", true), ("*a", "ab", false), ("a*c", "abc", true), ("a*c", "ac", true),
    ("a*a", "a", false), ("a*b*c", "axxbyyc", true), ("a*b*c", "acb", false), ("*b*", "abc", true),
    ("*bb*b", "abbab", true), ("*bb*b", "abb", false), ("a*b*b", "ab", false),
  ])
  func namesMatch(pattern: String, name: String, matches: Bool) throws {
    #expect(try NamePattern(text: pattern).matches(name) == matches)
  }

  @Test(arguments: [
    ("*", "a*", true), ("a*", "a*", true), ("a*", "ab*", true), ("ab*", "a*", false),
    ("a*", "*", false), ("a*c", "a*bc", true), ("a", "a", true), ("a", "a*", false),
    ("*x*", "*y*", false),
  ])
  func patternsCover(wide: String, narrow: String, covers: Bool) throws {
    #expect(try NamePattern(text: wide).covers(NamePattern(text: narrow)) == covers)
  }

  @Test(arguments: ["", "a**b", "a\nb", String(repeating: "a", count: 257), "*a*a*a*a*a*a*a*a*"])
  func namesThatAreNoPatterns(text: String) {
    #expect(throws: PatternFailure.self) { try NamePattern(text: text) }
  }

  @Test(arguments: ["", ".", "a.", ".a", "a.b.c", "a b", "\"a", "a\"b", "\"\"", "a;b", "f()"])
  func tablesThatAreNoPatterns(text: String) {
    #expect(throws: PatternFailure.self) { try TablePattern(text: text) }
  }

  @Test func namesLongerThanPostgresKeepsAreRefused() throws {
    let failure = #expect(throws: PatternFailure.self) {
      try TablePattern(text: "public.\(String(repeating: "a", count: 64))")
    }
    #expect(failure?.remedy == "write the first 63, which are all that PostgreSQL keeps")
  }

  @Test(arguments: [
    ("1ms", 1), ("15s", 15_000), ("15m", 900_000), ("2h", 7_200_000), ("1d", 86_400_000),
    ("90s", 90_000),
  ])
  func spansAreRead(text: String, milliseconds: Int) throws {
    let span = try TimeSpan(text: text)
    #expect(span.milliseconds == milliseconds)
    #expect(try TimeSpan(text: span.description) == span)
  }

  @Test(arguments: [
    "", "15", "s", "1.5s", "-1s", "0s", "15 s", "1w", "367d", "99999999999999999999d",
  ])
  func spansThatAreNone(text: String) {
    #expect(throws: PatternFailure.self) { try TimeSpan(text: text) }
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.255.1.2:5432", true), ("10.0.0.0/8", "11.0.0.1:5432", false),
    ("10.1.2.3", "10.1.2.3:1", true), ("10.1.2.3", "10.1.2.4:1", false),
    ("0.0.0.0/0", "1.2.3.4:1", true), ("0.0.0.0/0", "[::1]:1", false),
    ("0.0.0.0/0", "[::ffff:1.2.3.4]:1", true), ("::/0", "[::1]:1", true),
    ("::/0", "1.2.3.4:1", false), ("2001:db8::/32", "[2001:db8:1::5]:443", true),
    ("2001:db8::/32", "[2001:db9::5]:443", false), ("fe80::/10", "[fe80::1%eth0]:1", true),
    ("::1", "::1", true), ("unix", "unix", true), ("unix", "unix:/run/x", true),
    ("unix", "10.0.0.1:1", false), ("0.0.0.0/0", "unix", false), ("0.0.0.0/0", "host:1", false),
    ("1:2:3:4:5:6:1.2.3.4", "[1:2:3:4:5:6:102:304]:5", true),
    ("10.0.0.0/9", "10.128.0.1:1", false), ("10.128.0.0/9", "10.128.0.1:1", true),
  ])
  func networksContain(network: String, address: String, contains: Bool) throws {
    #expect(try Network(text: network).contains(ClientAddress(text: address)) == contains)
  }

  @Test(arguments: [
    "", "10.0.0.0/33", "10.0.0.1/8", "10.0.0", "10.0.0.256", "010.0.0.1", "::/129",
    "2001:db8::1/32",
    "1::2::3", "12345::", "10.0.0.0/", "10.0.0.0/+8", ":::", "1:2:3:4:5:6:7:8:9", "localhost",
    "1.2.3.4::", "+1::2",
  ])
  func networksThatAreNone(text: String) {
    #expect(throws: PatternFailure.self) { try Network(text: text) }
  }

  @Test func networkWithBitsBehindItsPrefixIsToldWhatItMeans() {
    let failure = #expect(throws: PatternFailure.self) { try Network(text: "2001:db8::1/32") }
    #expect(failure?.remedy == "write 2001:db8::/32, or the address alone")
  }
}
