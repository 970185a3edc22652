import ControlCore
import Foundation
import GatewayModel
import Synchronization

@testable import PostgresStore

/// The services of a control plane over a store of a test.
enum TestPlane {
  static let caller = Caller(
    tokenID: Identifier128(high: 1, low: 2), name: "admin", role: .admin)

  private final class Key: WrappingKeySource {
    let name = "test"
    private let key = Mutex<[UInt8]?>(nil)
    func read() async throws(ControlError) -> [UInt8]? { key.withLock { $0 } }
    func create(_ key: [UInt8]) async throws(ControlError) { self.key.withLock { $0 = key } }
  }

  static func over(_ store: PostgresStore) async throws -> ControlPlane {
    let settings = ControlSettings(
      organisation: "acme", version: "1", linkAddress: "c:1", serverNames: ["localhost"])
    let surroundings = Surroundings(
      now: { WallTime(unixNanoseconds: Int64(Date().timeIntervalSince1970 * 1e9)) },
      sleep: { try await Task.sleep(for: $0) },
      randomBytes: { count in (0..<count).map { _ in UInt8.random(in: 0...255) } },
      logger: quiet)
    return ControlPlane(
      settings: settings,
      keys: try await ControlKeys.open(
        store: store, wrappingKey: Key(), settings: settings, surroundings: surroundings),
      stores: store.stores, surroundings: surroundings)
  }
}
