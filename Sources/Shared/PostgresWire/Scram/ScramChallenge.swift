import NIOCore

/// The server's first message: `r=nonce,s=salt,i=iterations`.
struct ScramChallenge {
  /// Ours with the server's part behind it.
  let nonce: [UInt8]
  let salt: [UInt8]
  let iterations: Int

  init(decoding data: ByteBuffer, clientNonce: [UInt8], iterationCap: Int) throws(ScramError) {
    var attributes = try ScramAttributes("first message", data)
    if try attributes.next(ifNamed: "m") != nil {
      throw attributes.malformed("it demands an extension that is not known")
    }
    nonce = Array(try attributes.next(named: "r"))
    guard nonce.count > clientNonce.count, nonce.starts(with: clientNonce) else {
      throw ScramError(
        .wrongNonce,
        "cannot log in: the server's nonce does not continue ours; check the address for an "
          + "impostor")
    }
    guard let salt = Base64.decode(try attributes.next(named: "s")), !salt.isEmpty else {
      throw attributes.malformed("its salt is not base64")
    }
    self.salt = salt
    let digits = try attributes.next(named: "i")
    guard let iterations = Self.number(digits) else {
      throw attributes.malformed("its iteration count is not a number")
    }
    guard (1...max(iterationCap, 1)).contains(iterations) else {
      throw ScramError(
        .iterationCount,
        "cannot log in: the server asks for \(iterations) iterations and 1 to \(iterationCap) are "
          + "allowed; set the role's password anew under a lower scram_iterations")
    }
    self.iterations = iterations
    try attributes.skipExtensions()
  }

  /// `posit-number`: digits without a leading zero. More than nine pass for the largest.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard let first = digits.first, first != UInt8(ascii: "0") else { return nil }
    guard digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else { return nil }
    guard digits.count <= 9 else { return Int.max }
    return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }
}
