import Crypto
internal import PostgresWire

/// Makes the cancel keys of one gateway, and knows its own again.
///
/// The secret of a session of protocol 3.2 has 32 bytes: 16 random ones, then the first 16 of
/// HMAC-SHA256 over process id (big-endian) and random bytes, under a key that lives as long as the
/// gateway. So a guess is told from the key of a session that just ended without a look at the
/// sessions. A session of protocol 3.0 has 4 random bytes, which is all that it can carry.
struct CancelKeyMint: Sendable {
  /// What a key shows by itself.
  enum Origin: Hashable {
    /// Made here; or of 4 bytes, which show nothing.
    case plausible
    /// Never made here.
    case forged
  }

  private static let randomBytes = 16
  private static let codeBytes = 16
  private static let shortBytes = 4

  private let secret = SymmetricKey(size: .bits256)

  /// - Parameter isLong: Whether the session's protocol has keys of more than 4 bytes.
  func mint(processID: Int32, isLong: Bool) -> CancelKey {
    var random = SystemRandomNumberGenerator()
    let count = isLong ? Self.randomBytes : Self.shortBytes
    let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let code = isLong ? self.code(processID, bytes).prefix(Self.codeBytes) : []
    return CancelKey(processID: processID, secret: bytes + code)
  }

  func origin(of key: CancelKey) -> Origin {
    let bytes = key.secret.bytes
    if bytes.count == Self.shortBytes { return .plausible }
    guard bytes.count == Self.randomBytes + Self.codeBytes else { return .forged }
    let code = code(key.processID, bytes.prefix(Self.randomBytes)).prefix(Self.codeBytes)
    let shown = SensitiveBytes(bytes.suffix(Self.codeBytes))
    return shown == SensitiveBytes(code) ? .plausible : .forged
  }

  private func code(_ processID: Int32, _ random: some Collection<UInt8>) -> [UInt8] {
    let id = withUnsafeBytes(of: processID.bigEndian) { Array($0) }
    return Array(HMAC<SHA256>.authenticationCode(for: id + Array(random), using: secret))
  }
}
