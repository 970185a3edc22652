import Foundation
import TestSupport
import Testing

/// How long a change takes from its command until the agent judges by it: at the replica that the
/// agent is attached to, and at another one.
@Suite(.serialized) struct PropagationTests {
  static let changes = 50

  /// The version of the bundle in force, as the agent's metrics have it.
  private func inForce(_ fleet: Fleet) async throws -> Double {
    let metrics = try await fleet.agent.health("/metrics").body
    let line = metrics.split(separator: "\n").first {
      $0.hasPrefix("sallyport_agent_bundle_version")
    }
    return line?.split(separator: " ").last.flatMap { Double($0) } ?? 0
  }

  /// Seconds of each change, sorted.
  private func measure(_ fleet: Fleet, configuration: String, _ name: String) async throws
    -> [Double]
  {
    var times: [Double] = []
    for number in 0..<Self.changes {
      let before = try await inForce(fleet)
      let began = ContinuousClock.now
      let added = try await run(
        Fleet.program("sallyport"),
        [
          "grants", "add", "--principal", "\(name)\(number)@example.com", "--connection", "shop",
          "--role", "readonly",
        ], environment: ["SALLYPORT_CONFIG": configuration])
      guard added.succeeded else { throw TestFailure("grants add: \(added.errors)") }
      while try await inForce(fleet) <= before {
        guard ContinuousClock.now - began < .seconds(10) else {
          throw TestFailure("change \(number) has not come in 10 seconds")
        }
        try await Task.sleep(for: .milliseconds(5))
      }
      times.append((ContinuousClock.now - began) / .seconds(1))
    }
    return times.sorted()
  }

  @Test func aChangeIsInForceWithinTwoSeconds() async throws {
    let fleet = try await Fleet()
    let own = fleet.folder.file("cli.json")
    let near = try await measure(fleet, configuration: own, "near")
    print("one replica: p50 \(near[Self.changes / 2]) s, p99 \(near[Self.changes - 1]) s")
    #expect(near[Self.changes - 1] < 2)

    let (apiPort, linkPort) = (try FreePort.next(), try FreePort.next())
    let second = try ChildProcess(
      Fleet.program("sallyport-control"),
      ControlProcess.flags(
        folder: fleet.folder, databasePort: fleet.cluster.port, apiPort: apiPort,
        linkPort: linkPort),
      environment: ["PGPASSWORD": "control-canary-1184"])
    try await eventually("the second replica's readiness", within: .seconds(30)) {
      try await run("curl", ["-sfk", "https://127.0.0.1:\(apiPort)/readyz"]).succeeded
    }
    let other = fleet.folder.file("cli-second.json")
    let text = try String(contentsOfFile: own, encoding: .utf8)
      .replacing(":\(fleet.control.apiPort)", with: ":\(apiPort)")
    try text.write(toFile: other, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: other)
    let far = try await measure(fleet, configuration: other, "far")
    print("another replica: p50 \(far[Self.changes / 2]) s, p99 \(far[Self.changes - 1]) s")
    #expect(far[Self.changes - 1] < 2)
    _ = try await second.terminate()
  }
}
