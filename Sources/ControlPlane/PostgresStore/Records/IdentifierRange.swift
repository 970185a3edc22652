internal import GatewayModel

/// The identifiers that begin with some hexadecimal digits.
struct IdentifierRange: Equatable {
  var first: Identifier128
  var last: Identifier128

  /// `nil` unless the prefix is at most 32 hexadecimal digits, hyphens aside.
  init?(prefix: String) {
    let digits = prefix.filter { $0 != "-" }
    guard digits.count <= 32,
      let first = Identifier128(
        text: digits + String(repeating: "0", count: 32 - digits.count)),
      let last = Identifier128(text: digits + String(repeating: "f", count: 32 - digits.count))
    else { return nil }
    self.first = first
    self.last = last
  }
}
