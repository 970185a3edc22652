import AuditLog
import TestSupport
import Testing

/// An idle log says that it lives, so that its checkpoints do.
@Suite struct HeartbeatTests {
  @Test func anIdleLogGetsHeartbeats() async throws {
    var options = GatewayRig.Options()
    options.threads = 1
    options.limits.heartbeatInterval = .milliseconds(50)
    let rig = try await GatewayRig(options)
    let records = try await rig.records("heartbeats") { records in
      records.count { $0.kind == .heartbeat } >= 3
    }
    guard case .heartbeat(let beat) = records.first(where: { $0.kind == .heartbeat })?.body else {
      return
    }
    #expect(beat.openSessions == 0)
    await rig.end()
  }

  /// What is recorded in an interval stands for its heartbeat.
  @Test func aLogThatGrowsGetsNone() async throws {
    var options = GatewayRig.Options()
    options.threads = 1
    options.limits.heartbeatInterval = .seconds(2)
    let rig = try await GatewayRig(options)
    let start = ContinuousClock.now
    var version: UInt64 = 1
    // A record every tenth of a second, through more than two intervals; a machine that is held up
    // for a whole interval says nothing.
    var longest = Duration.zero
    var last = start
    while ContinuousClock.now - start < .seconds(5) {
      await rig.apply([], version: version)
      version += 1
      longest = max(longest, ContinuousClock.now - last)
      last = .now
      try await Task.sleep(for: .milliseconds(100))
    }
    let beats = try rig.records().count { $0.kind == .heartbeat }
    #expect(beats == 0 || longest > .seconds(1))
    await rig.end()
  }
}
