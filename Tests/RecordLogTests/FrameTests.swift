import AuditLog
import GatewayModel
import Testing

@testable import RecordLog

@Suite struct FrameTests {
  private func checksum(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBytes { CRC32C.checksum($0) }
  }

  @Test func crc32cVectors() {
    // RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRCs.
    #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    #expect(checksum((0..<32).reversed().map { UInt8($0) }) == 0x113F_DB5C)
    #expect(checksum([]) == 0)
  }

  @Test func crc32cIsTheSameAtEveryLength() {
    var bytes: [UInt8] = []
    for length in 0..<70 {
      // Bit by bit, as the definition says.
      var crc: UInt32 = 0xFFFF_FFFF
      for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
      }
      #expect(checksum(bytes) == ~crc)
      bytes.append(UInt8(truncatingIfNeeded: length &* 37 &+ 11))
    }
  }

  @Test func headersOfSegments() {
    let log = LogID(agent: Fixture.agent, epoch: .max, lane: .max)
    let header = SegmentHeader(log: log, firstSeq: .max)
    let bytes = header.bytes
    #expect(bytes.count == 4096)
    #expect(bytes.withUnsafeBytes { SegmentHeader(bytes: $0) } == header)
    for index in [0, 8, 12, 16, 32, 40, 48, 56, 2000, 4092] {
      var damaged = bytes
      damaged[index] ^= 1
      #expect(damaged.withUnsafeBytes { SegmentHeader(bytes: $0) } == nil)
    }
    #expect(bytes[..<4095].withUnsafeBytes { SegmentHeader(bytes: $0) } == nil)
  }

  @Test func namesOfSegments() {
    let name = SegmentName(epoch: 7, lane: 3, firstSeq: 42)
    #expect(name.text == "7-3-00000000000000000042.log")
    #expect(SegmentName(name.text) == name)
    let last = SegmentName(epoch: .max, lane: .max, firstSeq: .max)
    #expect(SegmentName(last.text) == last)
    for text in [
      "", ".log", "1-2.log", "1-2-3.log", "1-2-00000000000000000042",
      "-1-2-00000000000000000042.log",
    ] {
      #expect(SegmentName(text) == nil, "\(text)")
    }
  }

  @Test func framesWithALengthThatCannotBe() {
    func header(_ bytes: [UInt8]) -> RecordFrame.Header? {
      bytes.withUnsafeBytes { RecordFrame.header($0) }
    }
    #expect(header([5, 0, 0, 0, 1, 0, 0, 0, 1]) == .init(length: 5, checksum: 1))
    #expect(header([5, 0, 0, 0, 1, 0, 0, 0]) == nil)
    #expect(header([0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0, 1]) == nil)
    #expect(header([UInt8](repeating: 0, count: 9)) == nil)
    for kind: UInt8 in [0, 2, 3, 255] {
      #expect(header([5, 0, 0, 0, 1, 0, 0, 0, kind]) == nil)
    }
  }

  /// Prints what a begin and an end cost, appended and committed; fails for no figure.
  @Test func costOfAPair() throws {
    let folder = TestFolder()
    let writer = try Fixture.open(folder) { $0.syncInterval = .milliseconds(50) }.writer()
    let clock = ContinuousClock()
    let rounds = 2000
    var number: UInt64 = 0
    for perCommit in [1, 16] {
      let time = try clock.measure {
        for _ in 0..<rounds {
          for _ in 0..<perCommit {
            number += 1
            writer.append(Fixture.begin(number), session: Fixture.session, at: Fixture.start)
            writer.append(Fixture.end(number), session: Fixture.session, at: Fixture.start)
          }
          try writer.commit()
        }
      }
      print(
        "record log: a begin and an end, \(perCommit) in a commit:", time / (rounds * perCommit))
    }
    #expect(writer.nextSeq == 1 + 2 * number)
  }
}
