import Foundation
import GatewayModel
import Testing

/// How a bundle carries what a connection's records survive.
@Suite struct ConnectionDurabilityTests {
  private func connection(_ durability: Durability?) -> Connection {
    Connection(
      id: Identifier128(high: 1, low: 2), name: "orders", segment: "s", host: "db", port: 5432,
      database: "shop", tls: .disable, durability: durability)
  }

  /// A bundle made before there was the choice says nothing, and means crash-safe.
  @Test func absentMeansCrashSafe() throws {
    let bytes = try JSONEncoder().encode(connection(nil))
    #expect(!String(decoding: bytes, as: UTF8.self).contains("durability"))
    #expect(try JSONDecoder().decode(Connection.self, from: bytes).durability == nil)
  }

  @Test func powerSafeIsCarriedByName() throws {
    let bytes = try JSONEncoder().encode(connection(.powerSafe))
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains(#""durability":"power-safe""#))
    #expect(try JSONDecoder().decode(Connection.self, from: bytes).durability == .powerSafe)
    // A bundle from the future is refused rather than served with less.
    let future = text.replacing("power-safe", with: "fire-safe")
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Connection.self, from: Data(future.utf8))
    }
  }
}
