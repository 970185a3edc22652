import NIOCore
import PostgresWire
import TestSupport
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How long the fuzz targets run, and from which seed.
///
/// `SALLYPORT_FUZZ_CASES=1000000` runs them for longer and `SALLYPORT_FUZZ_SEED=7` from another
/// seed. A failure names its seed and case.
struct FuzzRun {
  static let cases = number("SALLYPORT_FUZZ_CASES") ?? 4_000
  static let seed = UInt64(number("SALLYPORT_FUZZ_SEED") ?? 0x5A11)

  private static func number(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
  }

  /// Runs `body` with a generator of its own for each case, so that a case can be run alone.
  static func each(
    _ target: String, _ body: (inout SplitMix64) throws -> Void
  ) throws {
    print("fuzz target \(target): seed \(seed), \(cases) cases")
    for index in 0..<cases {
      var random = SplitMix64(seed: seed &+ UInt64(index) &* 0x9E37_79B9)
      do {
        try body(&random)
      } catch {
        Issue.record("\(target), seed \(seed), case \(index): \(error)")
        return
      }
    }
  }
}

/// Why a case fails.
struct FuzzFailure: Error, CustomStringConvertible {
  let description: String

  static func unless(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw FuzzFailure(description: what()) }
  }
}

/// Random parts of messages.
extension SplitMix64 {
  mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &self) == 0 }

  /// Mostly short, at times beyond what one byte counts.
  mutating func size() -> Int {
    chance(10) ? Int.random(in: 0...700, using: &self) : Int.random(in: 0...9, using: &self)
  }

  mutating func bytes() -> ByteBuffer {
    ByteBuffer(bytes: (0..<size()).map { _ in UInt8.random(in: 0 ... .max, using: &self) })
  }

  /// Text of any script without the byte that ends it.
  mutating func text() -> String {
    let alphabet: [Character] = [
      "a", "Z", "0", "_", " ", "'", "$", "\\", "é", "\u{1F600}", ",", "=",
    ]
    return String((0..<size()).map { _ in alphabet.randomElement(using: &self) ?? "a" })
  }

  /// Any bytes but the one that ends a string.
  mutating func unterminated() -> ByteBuffer {
    ByteBuffer(bytes: (0..<size()).map { _ in UInt8.random(in: 1 ... .max, using: &self) })
  }

  mutating func name() -> WireName {
    WireName(chance(4) ? unterminated() : ByteBuffer(string: text()))
  }

  mutating func values() -> [ByteBuffer?] { (0..<size()).map { _ in chance(4) ? nil : bytes() } }

  mutating func integers<T: FixedWidthInteger>(_ type: T.Type) -> [T] {
    (0..<size()).map { _ in T.random(in: .min ... .max, using: &self) }
  }

  mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) -> T {
    T.random(in: .min ... .max, using: &self)
  }

  mutating func secret() -> [UInt8] {
    let count = Int.random(in: CancelKey.secretLength, using: &self)
    return (0..<count).map { _ in integer() }
  }
}
