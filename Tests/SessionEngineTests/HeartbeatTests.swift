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

  @Test func aLogWithoutTheIntervalGetsNone() async throws {
    let rig = try await GatewayRig()
    try await Task.sleep(for: .milliseconds(300))
    #expect(try rig.records().allSatisfy { $0.kind != .heartbeat })
    await rig.end()
  }
}
