import GatewayModel
import Testing

@Suite struct TextPrefixTests {
  @Test func aTextIsCutWhereACharacterBegins() {
    #expect("abc".prefix(utf8Bytes: 3) == "abc")
    #expect("abcd".prefix(utf8Bytes: 3) == "abc")
    #expect("aéé".prefix(utf8Bytes: 4) == "aé")
    #expect("aéé".prefix(utf8Bytes: 3) == "aé")
    #expect("aéé".prefix(utf8Bytes: 2) == "a")
    #expect("😀".prefix(utf8Bytes: 3) == "")
    #expect("x".prefix(utf8Bytes: 0) == "")
  }

  @Test func negativeLimitLeavesNothing() { #expect("x".prefix(utf8Bytes: -1) == "") }
}
