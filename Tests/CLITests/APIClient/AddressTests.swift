import APIModel
import Foundation
import Testing

@testable import sallyport

struct ServerAddressTests {
  @Test(arguments: [
    ("https://control.example.com", "https://control.example.com:8443"),
    ("https://control.example.com:444/", "https://control.example.com:444"),
    ("control.example.com", "https://control.example.com:8443"),
    ("HTTPS://127.0.0.1:1", "https://127.0.0.1:1"),
    ("https://[::1]:8443", "https://[::1]:8443"),
  ])
  func readsAddresses(text: String, address: String) throws {
    #expect(try ServerAddress(text, named: "--server").text == address)
  }

  @Test(arguments: [
    "http://control.example.com", "https://", "", "https://a/b", "https://u:p@a", "https://a?x=1",
    "https://a:0", "https://a:70000", "ftp://a",
  ])
  func refusesOthers(text: String) {
    let failure = #expect(throws: CLIFailure.self) {
      try ServerAddress(text, named: "--server")
    }
    #expect(failure?.status == .usage)
    #expect(failure?.remedy != nil)
  }

  @Test func namesCannotLeaveTheirPlaceInThePath() throws {
    let server = try ServerAddress("https://a", named: "test")
    #expect(
      server.url("/v1/connections", ["../agents?x#y", "größe"])
        == "https://a:8443/v1/connections/..%2Fagents%3Fx%23y/gr%C3%B6%C3%9Fe")
    #expect(server.url("/v1/connections", [".."]) == "https://a:8443/v1/connections/%2E%2E")
    #expect(
      server.url("/v1", query: [("words", "a&b=c d+e")])
        == "https://a:8443/v1?words=a%26b%3Dc%20d%2Be"
    )
  }
}

struct FingerprintTests {
  @Test func readsBothForms() {
    let digits = String(repeating: "ab", count: 32)
    #expect(Fingerprint("sha256:\(digits)")?.text == "sha256:\(digits)")
    #expect(Fingerprint(digits.uppercased())?.text == "sha256:\(digits)")
    let colons = (0..<32).map { _ in "AB" }.joined(separator: ":")
    #expect(Fingerprint("SHA256:\(colons)")?.text == "sha256:\(digits)")
  }

  @Test(arguments: ["", "sha256:", "sha256:abcd", String(repeating: "g", count: 64)])
  func refusesOthers(text: String) { #expect(Fingerprint(text) == nil) }
}

struct RefusalTests {
  private let server: ServerAddress
  init() throws { server = try ServerAddress("https://a", named: "test") }

  @Test(arguments: [
    ("not_found", 404, CLIExit.notFound), ("unauthorized", 401, .forbidden),
    ("forbidden", 403, .forbidden), ("unavailable", 503, .unavailable), ("invalid", 400, .failed),
    ("conflict", 409, .failed), ("internal", 500, .failed),
  ])
  func codesBecomeExitCodes(code: String, status: Int, exit: CLIExit) throws {
    let body = try JSONEncoder().encode(
      APIErrorBody(code: code, message: "It failed.", remedy: "Do this."))
    let failure = APIClient.refusal(status: status, answer: body, server: server)
    #expect(failure == CLIFailure(exit, "It failed.", remedy: "Do this.", apiCode: code))
  }

  @Test(arguments: [(404, CLIExit.notFound), (401, .forbidden), (502, .unavailable)])
  func answersOfStrangersAreNamed(status: Int, exit: CLIExit) {
    let failure = APIClient.refusal(
      status: status, answer: Data("<html>".utf8), server: server)
    #expect(failure.status == exit)
    #expect(failure.message.contains("https://a:8443"))
    #expect(failure.remedy != nil)
  }

  @Test func failuresAreTwoLinesWithoutControlCharacters() {
    let failure = CLIFailure(.failed, "bad \u{1B}[2J\nname", remedy: "do\nthis")
    #expect(failure.lines(colour: false) == ["Error: bad \\u{1B}[2J\\nname", "→ do\\nthis"])
    #expect(CLIFailure(.closedPipe, "").lines(colour: false).isEmpty)
  }
}
