import Crypto
import PostgresWire
import TestSupport
import Testing

@Suite("TLS end point binding") struct EndPointTests {
  @Test("A certificate signed with ECDSA and SHA-256 is hashed with SHA-256")
  func sha256() throws {
    let leaf = try TestPKI().issue()
    #expect(
      TLSServerEndPoint.binding(certificateDER: leaf.der) == Array(SHA256.hash(data: leaf.der)))
  }

  @Test(
    "The hash follows the signature's algorithm",
    arguments: [
      ([0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 3], 48), ([0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 4], 64),
      ([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 4], 32),
      ([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 5], 32),
      ([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 13], 64),
      // RSA-PSS and Ed25519 name no hash of their own.
      ([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 10], nil), ([0x2B, 0x65, 0x70], nil),
    ] as [([UInt8], Int?)])
  func algorithms(identifier: [UInt8], size: Int?) {
    let algorithm = [0x30, UInt8(identifier.count) + 2, 6, UInt8(identifier.count)] + identifier
    let body: [UInt8] = [0x30, 1, 0] + algorithm
    let certificate = [0x30, UInt8(body.count)] + body
    #expect(TLSServerEndPoint.binding(certificateDER: certificate)?.count == size)
  }

  @Test("What is not a certificate gives nothing and never traps")
  func malformed() throws {
    let der = try TestPKI().issue().der
    for length in 0..<min(der.count, 400) {
      #expect(TLSServerEndPoint.binding(certificateDER: Array(der.prefix(length))) == nil)
    }
    var random = SplitMix64(seed: 7)
    for _ in 0..<5_000 {
      var bytes = der
      bytes[Int.random(in: 0..<64, using: &random)] = UInt8.random(in: 0 ... .max, using: &random)
      _ = TLSServerEndPoint.binding(certificateDER: bytes)
    }
    #expect(TLSServerEndPoint.binding(certificateDER: [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]) == nil)
    #expect(TLSServerEndPoint.binding(certificateDER: [0x30, 0x85, 1, 1, 1, 1, 1]) == nil)
  }
}
