import Foundation
import TestSupport
import Testing

/// A record log that cannot take a record stops traffic, says so, and goes on when it can.
@Suite(.serialized) struct DiskFullTests {
  @Test func fullDiskStopsTrafficAndHealthShowsIt() async throws {
    try await SmallFileSystem.with(megabytes: 24) { log in
      try await fillAndEmpty(log)
    }
  }

  private func fillAndEmpty(_ log: String) async throws {
    let folder = try ScratchFolder("marks")
    let fleet = try await Fleet(recordLog: log)
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    #expect(try await fleet.psql("select 'room'", token: token).succeeded)
    // A session that is open when the disk fills up.
    let open = try ChildProcess(
      "psql", ["-X", "-f", "-"], environment: fleet.clientEnvironment(token: token),
      input: """
        \\set VERBOSITY verbose
        select 'open session';
        \\! touch \(folder.file("opened")); until [ -e \(folder.file("full")) ]; do sleep 0.1; done
        select 'must not run';
        """)
    try await eventually("the open session") {
      FileManager.default.fileExists(atPath: folder.file("opened"))
    }

    // What is left of the file system is filled by somebody else.
    let filler = "\(log)/filler"
    _ = try await run("dd", ["if=/dev/zero", "of=\(filler)", "bs=64k"])
    try await eventually("the refusal of logins", within: .seconds(30)) {
      let outcome = try await fleet.psql(
        "select repeat('x', 10) /* \(UInt64.random(in: 0 ... .max)) */", token: token)
      return outcome.errors.contains("cannot be recorded")
    }
    try folder.write("", to: "full")
    let exit = try await open.wait()
    #expect(exit != .code(0))
    #expect(open.errors.contains("58030"), "\(open.errors)")
    #expect(!open.output.contains("must not run"))
    try await eventually("red health at the agent") {
      try await fleet.agent.health().status == "503"
    }
    try await eventually("failing health in the listing") {
      try await fleet.agentInfo().health == "failing"
    }

    try FileManager.default.removeItem(atPath: filler)
    try await eventually("traffic after the disk has room again", within: .seconds(30)) {
      try await fleet.psql("select 'room again'", token: token).succeeded
    }
    try await eventually("green health") { try await fleet.agent.health().status == "200" }
    try await eventually("the statement in the trail") {
      try await !fleet.statements(["--words", "room again"]).isEmpty
    }
  }
}
