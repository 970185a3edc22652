package import GatewayModel
package import Logging

/// What the services take from outside: the time, chance and a place for log lines.
package struct Surroundings: Sendable {
  /// The wall clock.
  package var now: @Sendable () -> WallTime
  /// Waits; ends early by throwing when the task is cancelled.
  package var sleep: @Sendable (Duration) async throws -> Void
  /// That many bytes from a cryptographically secure source.
  package var randomBytes: @Sendable (Int) -> [UInt8]
  package var logger: Logger

  package init(
    now: @escaping @Sendable () -> WallTime,
    sleep: @escaping @Sendable (Duration) async throws -> Void,
    randomBytes: @escaping @Sendable (Int) -> [UInt8],
    logger: Logger
  ) {
    self.now = now
    self.sleep = sleep
    self.randomBytes = randomBytes
    self.logger = logger
  }

  /// A new identifier that sorts by the time it was made.
  func newIdentifier() -> Identifier128 {
    let random = randomBytes(16)
    let bits = Identifier128(bytes: random) ?? Identifier128(high: 0, low: 0)
    let milliseconds = now().unixNanoseconds / 1_000_000
    return .timeOrdered(
      unixMilliseconds: UInt64(clamping: milliseconds), random: (bits.high, bits.low))
  }
}

extension Surroundings {
  /// Notes an act of an administrator; the values must hold no secret.
  func log(_ act: String, by caller: Caller, _ details: [String: String]) {
    var metadata: Logger.Metadata = ["by": "\(caller.name)", "caller": "\(caller.tokenID)"]
    for (key, value) in details { metadata[key] = "\(value)" }
    logger.notice("\(act)", metadata: metadata)
  }
}
