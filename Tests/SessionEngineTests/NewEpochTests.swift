import AuditLog
import GatewayModel
import NIOCore
import RecordLog
import SessionEngine
import Synchronization
import TestSupport
import Testing

/// A gateway goes on in a new epoch of its log while it serves.
@Suite struct NewEpochTests {
  private static let head = LogHead(size: 1_000_000, root: MerkleTree.leaf([7]))

  /// Statements whose texts take `megabytes` in the log of the only lane.
  private static func fill(_ rig: GatewayRig, megabytes: Int) async throws {
    let filler = String(repeating: "x", count: (1 << 20) - 100)
    for first in stride(from: 0, to: megabytes, by: 8) {
      let script = (first..<min(first + 8, megabytes)).map { "SELECT \($0) /* \(filler) */;\n" }
      let outcome = try await rig.psql(script.joined())
      try #require(outcome.succeeded, "\(outcome.errors)")
    }
  }

  /// With gigabytes waiting to be recorded again nobody may wait longer than for a part of them.
  @Test func aLargeBacklogDoesNotHoldTheLoopUp() async throws {
    var options = GatewayRig.Options()
    options.threads = 1
    let (rig, _) = try await GatewayRig.serving(options)
    try await Self.fill(rig, megabytes: 24)
    let before = try await rig.records("all statements") { $0.ends.count == 24 }
    let old = try #require(rig.log.logs().first)
    let clock = ContinuousClock()

    let move = Task {
      try await clock.measure {
        try await rig.gateway.beginEpoch(after: old, citing: [0: .other(Self.head)])
      }
    }
    // Each answer is a turn of the loop.
    let isDone = Flag()
    let watch = Task {
      var longest = Duration.zero
      var turns = 0
      while !isDone.isSet {
        longest = max(longest, await clock.measure { _ = await rig.gateway.health() })
        turns += 1
      }
      return (longest, turns)
    }
    let whole = try await move.value
    isDone.set()
    let (turn, count) = await watch.value
    print("24 MiB recorded again in \(whole), the longest turn \(turn), \(count) turns")
    #expect(turn < whole / 4)
    #expect(count > 20)

    // All of it is there once, in its order.
    let records = try await rig.records("all that was moved") { $0.ends.count >= 24 }
    #expect(records.begins.map(\.digest) == before.begins.map(\.digest))
    #expect(records.ends.map(\.statement) == before.ends.map(\.statement))
    #expect(records.texts == before.texts)
    #expect(records.map(\.header.seq) == Array(0..<UInt64(records.count)))
    #expect(rig.log.logs().allSatisfy { $0.epoch > old.epoch })
    await rig.end()
  }

  /// Who comes in while records are moved is served, and has its own records between them.
  @Test func sessionsGoOnBetweenTheParts() async throws {
    var options = GatewayRig.Options()
    options.threads = 1
    let (rig, _) = try await GatewayRig.serving(options)
    try await Self.fill(rig, megabytes: 16)
    _ = try await rig.records("all statements") { $0.ends.count == 16 }
    let old = try #require(rig.log.logs().first)
    let isDone = Flag()
    let move = Task {
      defer { isDone.set() }
      try await rig.gateway.beginEpoch(after: old, citing: [0: .other(Self.head)])
    }
    var mine = 0
    try await eventually("somebody is let in in the new epoch", within: GatewayRig.patience) {
      rig.log.epoch > old.epoch
    }
    let (client, _) = try await rig.client()
    repeat {
      mine += 1
      #expect(try await client.query("SELECT 'mine', \(mine)").errors.isEmpty)
    } while !isDone.isSet
    try await move.value
    try await client.terminate()
    let records = try await rig.records("the session has ended") { records in
      records.ends.count == 16 + mine && records.closes.count == records.opens.count
    }
    let mineBegins = (1...mine).compactMap { records.begin(of: "SELECT 'mine', \($0)") }
    #expect(mineBegins.count == mine)
    #expect(records.ends.count == 16 + mine)
    #expect(records.begins.count == 16 + mine)
    #expect(records.map(\.header.seq) == Array(0..<UInt64(records.count)))
    await rig.end()
  }

  /// The lanes that agree with the control plane cite all of their logs, and have their ends there.
  @Test func everyLaneCitesItsLog() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let old = rig.log.logs().sorted { $0.lane < $1.lane }
    #expect(old.count == 2)
    try await rig.gateway.beginEpoch(
      after: old[0], citing: [0: .other(Self.head), 1: .agreed])
    let reader = try rig.log.reader(for: old[1])
    let cited = LogHead(size: reader.endSeq, root: try reader.frontier(of: reader.endSeq).root)
    #expect(cited.size > 0)
    for (lane, expected) in [(UInt32(0), Self.head), (1, cited)] {
      let log = LogID(agent: rig.agent, epoch: rig.log.epoch, lane: lane)
      let batch = try rig.log.reader(for: log).batch(
        from: 0, maximumRecords: 1, maximumBytes: 1 << 20)
      let first = try RecordDecoder.decode(try #require(batch.records.first))
      guard case .logOpen(let open) = first.body else {
        Issue.record("the log begins with \(first.kind)")
        continue
      }
      #expect(open.previousSize == expected.size)
      #expect(open.previousRoot == expected.root?.bytes)
    }
    await rig.end()
  }
}

/// Set once, seen by other tasks.
private final class Flag: Sendable {
  private let value = Mutex(false)
  var isSet: Bool { value.withLock { $0 } }
  func set() { value.withLock { $0 = true } }
}
