import ControlCore
import GatewayModel
import Logging
import Synchronization
import TestSupport
import Testing

@testable import PostgresStore

/// The tests that need a real database; they share one cluster, and each makes a database of its
/// own in it.
@Suite(.cluster, .inTurn) struct DatabaseTests {}

/// Lets a few of a suite's tests run at a time: more of them only make each slower, until what waits
/// for the database gives up.
struct TurnTrait: SuiteTrait, TestTrait, TestScoping {
  private static let turns = Turns(4)
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    await Self.turns.take()
    do {
      try await function()
    } catch {
      await Self.turns.giveBack()
      throw error
    }
    await Self.turns.giveBack()
  }
}

/// A counting semaphore for tasks; first come, first served.
private actor Turns {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) { free = count }

  func take() async {
    guard free == 0 else {
      free -= 1
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func giveBack() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}

extension Trait where Self == TurnTrait {
  static var inTurn: Self { TurnTrait() }
}

/// Starts a cluster around a suite.
struct ClusterTrait: SuiteTrait, TestScoping {
  @TaskLocal static var cluster: PostgresCluster?
  private static let databases = Atomic<Int>(0)

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let cluster = try await PostgresCluster()
    try await Self.$cluster.withValue(cluster) { try await function() }
  }

  /// The URL of a new, empty database.
  static func newDatabase(encoding: String = "UTF8") async throws -> String {
    let cluster = try #require(cluster)
    let name = "store_\(databases.add(1, ordering: .relaxed).newValue)"
    try await cluster.sql(
      "CREATE DATABASE \(name) ENCODING '\(encoding)' LOCALE 'C' TEMPLATE template0")
    return url(of: cluster, database: name)
  }

  static func url(of cluster: PostgresCluster, database: String) -> String {
    "postgresql://\(cluster.superuser):\(cluster.superuserPassword)@127.0.0.1:\(cluster.port)/"
      + database
  }
}

extension Trait where Self == ClusterTrait {
  static var cluster: Self { ClusterTrait() }
}

/// Opens a store on a new database, and closes it after the body.
@discardableResult
func withStore<Result>(
  connections: Int = 8, _ body: (PostgresStore) async throws -> Result
) async throws -> Result {
  try await withStore(
    at: try await ClusterTrait.newDatabase(), connections: connections, body)
}

@discardableResult
func withStore<Result>(
  at url: String, connections: Int = 8, _ body: (PostgresStore) async throws -> Result
) async throws -> Result {
  let store = try await PostgresStore.open(
    url: url, maximumConnections: connections, logger: quiet)
  do {
    let result = try await body(store)
    await store.close()
    return result
  } catch {
    await store.close()
    throw error
  }
}

let quiet = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

extension PostgresStore {
  /// Runs SQL without regard for what the store allows itself.
  @discardableResult
  func run(_ sql: String) async throws -> Int {
    try await transact("testing") { session in try session.execute(sql) }
  }

  func number(_ sql: String) async throws -> Int {
    try await transact("testing") { session in
      Int(
        try session.row(sql) { row throws(PostgresError) in try row.integer() } ?? -1)
    }
  }
}

/// A time on the test's own clock, in seconds.
func time(_ seconds: Int64) -> WallTime {
  WallTime(unixNanoseconds: (1_800_000_000 + seconds) * 1_000_000_000)
}

func identifier(_ number: UInt64) -> Identifier128 {
  Identifier128(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0000 | number)
}
