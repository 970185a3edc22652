import Foundation
import GatewayModel
import Testing

@Suite struct IdentifierTests {
  @Test func textFormRoundTrips() throws {
    let text = "0190a6c4-7b2f-7d31-8e55-0123456789ab"
    let identifier = try #require(Identifier128(text: text))
    #expect(identifier.description == text)
    #expect(Identifier128(text: text.replacingOccurrences(of: "-", with: "")) == identifier)
    #expect(Identifier128(bytes: identifier.bytes) == identifier)
  }

  @Test(arguments: [
    "", "0190a6c4", "0190a6c4-7b2f-7d31-8e55-0123456789ag", "0190a6c4-7b2f-7d31-8e55-0123456789abc",
  ])
  func otherTextIsRefused(text: String) {
    #expect(Identifier128(text: text) == nil)
  }

  @Test func timeOrderedIsAVersion7UUIDAndSortsByTime() {
    let random: (UInt64, UInt64) = (.max, .max)
    let first = Identifier128.timeOrdered(unixMilliseconds: 1_700_000_000_000, random: random)
    let second = Identifier128.timeOrdered(unixMilliseconds: 1_700_000_000_001, random: (0, 0))
    #expect(first < second)
    #expect(first.bytes[6] >> 4 == 7)
    #expect(first.bytes[8] >> 6 == 2)
  }

  @Test func codesAsText() throws {
    let session = SessionID(Identifier128(high: 1, low: 2))
    let json = try JSONEncoder().encode([session])
    #expect(String(decoding: json, as: UTF8.self) == "[\"00000000-0000-0001-0000-000000000002\"]")
    #expect(try JSONDecoder().decode([SessionID].self, from: json) == [session])
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([SessionID].self, from: Data("[\"nonsense\"]".utf8))
    }
  }
}

@Suite struct SecretTests {
  @Test func noTextualFormShowsTheBytes() {
    let secret = Secret(text: "hunter2")
    var dumped = ""
    dump(secret, to: &dumped)
    for text in ["\(secret)", String(reflecting: secret), dumped, "\([secret])"] {
      #expect(!text.contains("hunter2"))
      #expect(!text.contains("104"))
    }
    #expect(secret.text == "hunter2")
  }
}
