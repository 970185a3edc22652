internal import GatewayModel
internal import SystemClock

extension Identifier128 {
  /// 128 bits from the system's secure source.
  static func random() -> Identifier128 {
    var random = SystemRandomNumberGenerator()
    return Identifier128(high: random.next(), low: random.next())
  }

  /// A version 7 UUID of now.
  static func freshTimeOrdered() -> Identifier128 {
    var random = SystemRandomNumberGenerator()
    let milliseconds = UInt64(clamping: WallTime.now().unixNanoseconds / 1_000_000)
    return timeOrdered(
      unixMilliseconds: milliseconds, random: (random.next(), random.next()))
  }
}
