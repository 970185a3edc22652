import AuditLog
import Crypto
import Testing

@Suite struct StatementTextTests {
  @Test func digestIsSHA256() {
    // FIPS 180-2, appendix B.1.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let digest = StatementDigest(of: Array("abc".utf8))
    #expect(digest.description == expected)
    #expect(Array("abc".utf8).withUnsafeBytes { StatementDigest(of: $0) } == digest)
    #expect(StatementDigest(bytes: digest.bytes) == digest)
    #expect(digest.bytes == Array(SHA256.hash(data: Array("abc".utf8))))
    #expect(StatementDigest(bytes: digest.bytes.dropLast()) == nil)
  }

  @Test(arguments: [0, 1, 9, 10, 11, 20, 25])
  func chunksHoldTheWholeText(count: Int) {
    let text = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    let digest = StatementDigest(of: text)
    var chunks: [(number: UInt32, isLast: Bool, text: [UInt8])] = []
    text.withUnsafeBytes { raw in
      StatementTextChunk.chunks(of: raw, digest: digest, maximumBytes: 10) {
        #expect($0.digest == digest)
        chunks.append(($0.chunk, $0.isLast, Array($0.text)))
      }
    }
    #expect(chunks.flatMap(\.text) == text)
    #expect(chunks.count == max(1, (count + 9) / 10))
    #expect(chunks.map(\.number) == (0..<UInt32(chunks.count)).map { $0 })
    #expect(chunks.map(\.isLast) == chunks.indices.map { $0 == chunks.count - 1 })
    #expect(chunks.allSatisfy { $0.text.count <= 10 })
  }
}
