import Crypto

/// What ``ScramKeys`` are derived from; equal values give equal keys. As secret as the password.
package struct ScramDerivation: Hashable, Sendable {
  /// As ``SASLPrep`` leaves it.
  let password: SensitiveBytes
  package let salt: [UInt8]
  package let iterations: Int

  /// Takes ``iterations`` rounds of hashing: milliseconds to tens of them.
  package func keys() -> ScramKeys {
    ScramKeys(password: password, salt: salt, iterations: iterations)
  }
}

/// What the password becomes under one salt and iteration count (RFC 5802 section 3).
///
/// Deriving takes thousands of hashes; who opens many sessions with one credential keeps the keys
/// and hands them to the next exchange. As secret as the password for this server.
package struct ScramKeys: Hashable, Sendable {
  package let salt: [UInt8]
  package let iterations: Int
  let clientKey: SensitiveBytes
  let serverKey: SensitiveBytes

  /// `password` as ``SASLPrep`` leaves it; `iterations` of at least 1.
  package init(password: SensitiveBytes, salt: [UInt8], iterations: Int) {
    let salted = Self.saltedPassword(password.bytes, salt: salt, iterations: iterations)
    self.salt = salt
    self.iterations = iterations
    clientKey = SensitiveBytes(hmacSHA256(Array("Client Key".utf8), key: salted))
    serverKey = SensitiveBytes(hmacSHA256(Array("Server Key".utf8), key: salted))
  }

  /// PBKDF2 with HMAC-SHA-256 and one block of output (RFC 8018 section 5.2).
  private static func saltedPassword(
    _ password: [UInt8], salt: [UInt8], iterations: Int
  ) -> SymmetricKey {
    // Keyed once and copied in each round: two of four compressions are saved.
    let keyed = HMAC<SHA256>(key: SymmetricKey(data: password))
    var first = keyed
    first.update(data: salt)
    first.update(data: [0, 0, 0, 1])
    var round = Block(first.finalize())
    var sum = round
    for _ in stride(from: 1, to: iterations, by: 1) {
      var code = keyed
      round.withBytes { code.update(data: $0) }
      round = Block(code.finalize())
      sum.formXor(round)
    }
    return sum.withBytes { SymmetricKey(data: $0) }
  }

  /// One output of SHA-256, held without an allocation.
  private struct Block {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init(_ code: HMAC<SHA256>.MAC) {
      code.withUnsafeBytes { source in
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: source) }
      }
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
      withUnsafeBytes(of: words, body)
    }

    mutating func formXor(_ other: Block) {
      words.0 ^= other.words.0
      words.1 ^= other.words.1
      words.2 ^= other.words.2
      words.3 ^= other.words.3
    }
  }
}

func hmacSHA256(_ message: [UInt8], key: SymmetricKey) -> [UInt8] {
  Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
}
