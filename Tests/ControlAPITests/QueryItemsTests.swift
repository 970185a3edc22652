import ControlCore
import Testing

@testable import ControlAPI

@Suite struct QueryItemsTests {
  @Test func `values are decoded as forms are`() throws {
    let query = try QueryItems("words=delete+from%20orders&limit=5&cursor=", known: known)
    #expect(query["words"] == "delete from orders")
    #expect(try query.number("limit") == 5)
    #expect(query["cursor"] == nil)
    #expect(query["principal"] == nil)
  }

  @Test(arguments: [nil, "", "&"]) func `no query has no values`(text: String?) throws {
    #expect(try QueryItems(text, known: known) == QueryItems(nil, known: []))
  }

  @Test(arguments: [
    ("princpal=alice", "Unknown query parameter \"princpal\"."),
    ("limit=1&limit=2", "The query parameter \"limit\" stands there twice."),
    ("words=%ff", "The query parameter \"words=%ff\" is not percent-encoded UTF-8."),
    ("words=%zz", "The query parameter \"words=%zz\" is not percent-encoded UTF-8."),
    ("=x", "Unknown query parameter \"\"."),
  ])
  func `what is wrong is named`(query: String, message: String) {
    #expect {
      try QueryItems(query, known: known)
    } throws: { error in
      (error as? ControlError)?.code == .invalid && (error as? ControlError)?.message == message
    }
  }

  @Test func `the remedy names what the route takes`() {
    #expect {
      try QueryItems("a=1", known: ["limit", "cursor"])
    } throws: { error in
      (error as? ControlError)?.remedy == "This route takes \"limit\", \"cursor\"."
    }
  }

  @Test(arguments: ["5x", "5.0", "99999999999999999999", "0x5"])
  func `what is not a whole number is refused`(text: String) throws {
    let query = try QueryItems("limit=\(text)", known: known)
    #expect(throws: ControlError.self) { try query.number("limit") }
  }

  @Test func `repeatable parameters keep all their values in order`() throws {
    let query = try QueryItems(
      "words=b&words=a&words=&limit=1", known: known, repeatable: ["words"])
    #expect(query.all("words") == ["b", "a"])
    #expect(query["words"] == "b")
    #expect(query.all("limit") == ["1"])
    #expect(query.all("cursor").isEmpty)
    #expect(throws: ControlError.self) {
      try QueryItems("limit=1&limit=2", known: known, repeatable: ["words"])
    }
  }

  private let known = ["words", "limit", "cursor"]
}
