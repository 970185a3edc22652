import Logging
import Synchronization
import Testing

@testable import Telemetry

@Suite struct LogHandlerTests {
  /// The lines that `body` logs.
  private func lines(_ format: LogFormat, _ body: (Logger) -> Void) -> [String] {
    final class Lines: Sendable { let all = Mutex<[String]>([]) }
    let lines = Lines()
    let sink = LogSink { line in lines.all.withLock { $0.append(line) } }
    body(
      Logger(label: "test") { _ in
        RedactingLogHandler(wrapping: LineLogHandler(format: format, level: .info, sink: sink))
      })
    return lines.all.withLock { $0 }
  }

  @Test func `a text line has time, level, message and metadata in order`() throws {
    let line = try #require(
      lines(.text) { $0.warning("went wrong", metadata: ["b": "two words", "a": "1"]) }.first)
    #expect(line.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING .*\n/) != nil)
    #expect(line.hasSuffix(" WARNING went wrong a=1 b=\"two words\"\n"))
  }

  @Test func `a JSON line is one object`() throws {
    let line = try #require(
      lines(.json) { $0.info("say \"hi\"\u{1}", metadata: ["list": ["x", ["k": "v"]]]) }.first)
    #expect(line.contains(#""level":"info","message":"say \"hi\"\u0001""#))
    #expect(line.hasSuffix(#","list":["x",{"k":"v"}]}"# + "\n"))
  }

  @Test(arguments: LogFormat.allCases)
  func `a value cannot forge a line`(format: LogFormat) {
    let lines = lines(format) { $0.info("a\nb", metadata: ["k": "c\r\nd\u{1B}[2J\u{202E}"]) }
    #expect(lines.count == 1)
    #expect(lines.joined().dropLast().allSatisfy { !$0.isNewline })
    #expect(!lines.joined().contains("\u{1B}"))
    #expect(!lines.joined().unicodeScalars.contains("\u{202E}"))
  }

  @Test(arguments: LogFormat.allCases)
  func `secrets are taken out wherever they stand`(format: LogFormat) {
    struct Leak: Error, CustomStringConvertible { let description = "password=canary4" }
    let output = lines(format) { logger in
      var logger = logger
      logger[metadataKey: "base"] = "password=canary1"
      logger.info("password=canary2", metadata: ["a": ["password=canary3"]])
      logger.error("failed", error: Leak())
    }.joined()
    #expect(!output.contains("canary"))
    #expect(output.contains("password=<redacted>"))
  }

  @Test func `a level below the handler's is not written`() {
    #expect(lines(.text) { $0.debug("quiet") }.isEmpty)
  }

  @Test(arguments: [
    (Int64(0), "1970-01-01T00:00:00.007Z"), (951_782_400, "2000-02-29T00:00:00.007Z"),
    (-1, "1969-12-31T23:59:59.007Z"),
  ])
  func `times are RFC 3339 in UTC`(seconds: Int64, text: String) {
    #expect(UTCTimestamp.text(unixSeconds: seconds, milliseconds: 7) == text)
  }
}
