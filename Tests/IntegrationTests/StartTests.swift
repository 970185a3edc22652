import Foundation
import Glibc
import TestSupport
import Testing

/// A program that cannot start says why in one line, ends with what to do, and exits non-zero.
@Suite(.serialized) struct StartTests {
  private static let fleet = SharedFleet()

  private func agent(_ arguments: [String], user: String? = nil) async throws -> Outcome {
    try await run(
      Fleet.program("sallyport-agent"), arguments, user: user, within: .seconds(30))
  }

  /// One line of the program's own, the last on standard error, names `words` and then what to do.
  private func expectOneClearLine(
    _ outcome: Outcome, naming words: String..., remedy: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let lines = outcome.errors.split(separator: "\n").map(String.init)
    let own = lines.filter { $0.wholeMatch(of: /sallyport-(agent|control): .*/) != nil }
    #expect(!outcome.succeeded, sourceLocation: sourceLocation)
    #expect(own.count == 1 && own == lines.suffix(1), "\(lines)", sourceLocation: sourceLocation)
    // What comes before are log lines, and none of them says it a second time.
    #expect(
      !lines.contains { $0.contains(" ERROR ") || $0.contains("Fatal error") }, "\(lines)",
      sourceLocation: sourceLocation)
    let parts = own.first?.ranges(of: remedy) ?? []
    #expect(parts.count == 1, "\(own) does not say: \(remedy)", sourceLocation: sourceLocation)
    guard let line = own.first, let remedyRange = parts.first else { return }
    for word in words {
      #expect(
        line[..<remedyRange.lowerBound].contains(word), "\(line)", sourceLocation: sourceLocation)
    }
  }

  @Test func agentThatIsNotEnrolled() async throws {
    let folder = try ScratchFolder()
    let outcome = try await agent(["serve", "--state", folder.file("s"), "--listen", "127.0.0.1:0"])
    expectOneClearLine(
      outcome, naming: folder.file("s"), remedy: "run `sallyport-agent enroll` first")
  }

  @Test func agentPortTaken() async throws {
    let fleet = try await Self.fleet.get()
    let other = try await enrolledState(fleet)
    let outcome = try await agent([
      "serve", "--state", other, "--listen", "127.0.0.1:\(fleet.agent.port)",
    ])
    expectOneClearLine(
      outcome, naming: "127.0.0.1:\(fleet.agent.port)",
      remedy: "stop what listens there or choose another address")
  }

  @Test func anotherAgentOnTheSameState() async throws {
    let fleet = try await Self.fleet.get()
    let outcome = try await agent([
      "serve", "--state", fleet.agent.state, "--listen", "127.0.0.1:\(try FreePort.next())",
    ])
    expectOneClearLine(outcome, naming: fleet.agent.state, remedy: "stop it, or give this")
  }

  @Test func stateFolderNotWritable() async throws {
    // Root may write anywhere, so the program runs as an unprivileged user there.
    let folder = try ScratchFolder()
    let user = geteuid() == 0 ? "nobody" : nil
    chmod(folder.path, 0o555)
    let outcome = try await run(
      Fleet.program("sallyport-agent"),
      ["enroll", "--server", "https://127.0.0.1:1", "--state", folder.file("state")],
      environment: ["SALLYPORT_JOIN_TOKEN": Self.someJoinToken], user: user, within: .seconds(30))
    expectOneClearLine(outcome, naming: folder.path, remedy: "give --state a folder in a place")
  }

  private static let someJoinToken =
    "spj_" + String(repeating: "a", count: 64) + "." + String(repeating: "b", count: 64)

  @Test func joinTokenIsGoodForOneUse() async throws {
    let fleet = try await Self.fleet.get()
    let token = try await AgentProcess.joinToken(
      control: fleet.control, segment: "other", port: try FreePort.next())
    let first = try await AgentProcess.enroll(
      control: fleet.control, token: token, state: fleet.folder.file("first"))
    #expect(first.succeeded, "\(first.errors)")
    let second = try await AgentProcess.enroll(
      control: fleet.control, token: token, state: fleet.folder.file("second"))
    expectOneClearLine(
      second, naming: "the control plane refused: The join token was used at 20",
      remedy: "Make another with `sallyport agents invite`; each is good for one agent.")
  }

  @Test func joinTokenExpires() async throws {
    let fleet = try await Self.fleet.get()
    let token = try await AgentProcess.joinToken(
      control: fleet.control, segment: "other", port: try FreePort.next(), lifetime: "1s")
    try await Task.sleep(for: .milliseconds(1500))
    let outcome = try await AgentProcess.enroll(
      control: fleet.control, token: token, state: fleet.folder.file("late"))
    expectOneClearLine(
      outcome, naming: "the control plane refused: The join token expired at 20",
      remedy: "Make another with `sallyport agents invite`; --ttl makes it last longer.")
  }

  @Test func joinTokenThatWasNeverIssued() async throws {
    let fleet = try await Self.fleet.get()
    let token = try await AgentProcess.joinToken(
      control: fleet.control, segment: "other", port: try FreePort.next())
    // The fingerprint is the authority's, so that the secret is looked at.
    let forged =
      Self.someJoinToken.prefix { $0 != "." } + String(token.drop { $0 != "." })
    let outcome = try await AgentProcess.enroll(
      control: fleet.control, token: String(forged), state: fleet.folder.file("forged"))
    expectOneClearLine(
      outcome, naming: "the control plane refused: The join token is not known here",
      remedy: "Give the whole token, or make another with `sallyport agents invite`.")
  }

  @Test func joinTokenOfAnotherAuthority() async throws {
    let fleet = try await Self.fleet.get()
    let outcome = try await AgentProcess.enroll(
      control: fleet.control, token: Self.someJoinToken, state: fleet.folder.file("foreign"))
    expectOneClearLine(
      outcome, naming: fleet.control.server, "fingerprint", remedy: "check the address")
  }

  @Test func controlPlaneWithoutADatabase() async throws {
    let folder = try ScratchFolder()
    let port = try FreePort.next()
    let outcome = try await run(
      Fleet.program("sallyport-control"),
      ControlProcess.flags(
        folder: folder, databasePort: port, apiPort: try FreePort.next(),
        linkPort: try FreePort.next()) + ["--wait-database", "1"],
      environment: ["PGPASSWORD": "control-canary-1184"], within: .seconds(40))
    expectOneClearLine(
      outcome, naming: "\(port)", remedy: "Check that PostgreSQL runs there")
    #expect(!outcome.errors.contains("control-canary-1184"))
  }

  @Test func controlPlaneRefusesADatabaseFromTheFuture() async throws {
    let fleet = try await Self.fleet.get()
    try await fleet.cluster.sql("create database future template template0 owner sallyport")
    let folder = try ScratchFolder()
    var flags = ControlProcess.flags(
      folder: folder, databasePort: fleet.cluster.port, apiPort: try FreePort.next(),
      linkPort: try FreePort.next())
    flags[2] = flags[2].replacingOccurrences(of: "/sallyport", with: "/future")
      .replacingOccurrences(of: "//future@", with: "//sallyport@")
    let migrated = try await run(
      Fleet.program("sallyport-control"), ["migrate", "--database", flags[2]],
      environment: ["PGPASSWORD": "control-canary-1184"])
    #expect(migrated.succeeded, "\(migrated.errors)")
    try await fleet.cluster.sql(Self.futureMigration, database: "future")
    let outcome = try await run(
      Fleet.program("sallyport-control"), flags,
      environment: ["PGPASSWORD": "control-canary-1184"], within: .seconds(40))
    expectOneClearLine(
      outcome, naming: "9999", remedy: "Start the newer version of sallyport-control")
  }

  @Test func bootstrapTokenReplacesAStaleFileAndIsNotPrinted() async throws {
    let fleet = try await Self.fleet.get()
    try await fleet.cluster.sql("create database stale template template0 owner sallyport")
    let folder = try ScratchFolder()
    let file = try folder.write("spb_stale\n", to: "bootstrap-token")
    chmod(file, 0o644)
    var flags = ControlProcess.flags(
      folder: folder, databasePort: fleet.cluster.port, apiPort: try FreePort.next(),
      linkPort: try FreePort.next())
    flags[2] = flags[2].replacing(/\/sallyport$/, with: "/stale")
    let child = try ChildProcess(
      Fleet.program("sallyport-control"), flags,
      environment: ["PGPASSWORD": "control-canary-1184"])
    try await eventually("readiness", within: .seconds(30)) {
      if let exit = child.poll() { throw TestFailure("it ended: \(exit)\n\(child.errors)") }
      return child.errors.contains("ready")
    }
    let token = try String(contentsOfFile: file, encoding: .utf8)
    #expect(token.hasPrefix("spb_") && token != "spb_stale\n")
    let attributes = try FileManager.default.attributesOfItem(atPath: file)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(child.output.contains("written to \(file)"))
    #expect(!child.output.contains("spb_") && !child.errors.contains("spb_"))
    // A restart finds the token made, and leaves the file as it is.
    _ = try await child.terminate()
    let again = try ChildProcess(
      Fleet.program("sallyport-control"), flags,
      environment: ["PGPASSWORD": "control-canary-1184"])
    try await eventually("readiness", within: .seconds(30)) {
      if let exit = again.poll() { throw TestFailure("it ended: \(exit)\n\(again.errors)") }
      return again.errors.contains("ready")
    }
    #expect(try String(contentsOfFile: file, encoding: .utf8) == token)
    _ = try await again.terminate()
  }

  /// Starts a control plane on a database of its own until it ends or is ready.
  private func start(
    _ flags: [String], under prefix: [String] = []
  ) async throws -> (child: ChildProcess, isReady: Bool) {
    let command = prefix + [try Fleet.program("sallyport-control")] + flags
    let child = try ChildProcess(
      "env", command, environment: ["PGPASSWORD": "control-canary-1184"])
    var isReady = false
    try await eventually("readiness or an end", within: .seconds(40)) {
      isReady = child.errors.contains("ready")
      return isReady || child.poll() != nil
    }
    return (child, isReady)
  }

  private func flags(database: String, tokenFile: String) async throws -> [String] {
    let fleet = try await Self.fleet.get()
    try await fleet.cluster.sql("create database \(database) template template0 owner sallyport")
    var flags = ControlProcess.flags(
      folder: fleet.folder, databasePort: fleet.cluster.port, apiPort: try FreePort.next(),
      linkPort: try FreePort.next())
    flags[2] = flags[2].replacing(/\/sallyport$/, with: "/\(database)")
    return Array(flags.dropLast()) + [tokenFile]
  }

  @Test func bootstrapTokenThatCannotBeWrittenEndsTheStartAndIsOfferedAgain() async throws {
    let folder = try ScratchFolder()
    var flags = try await flags(database: "undelivered", tokenFile: folder.file("missing/token"))
    let (failed, _) = try await start(flags)
    #expect(try await failed.wait() == .code(78))
    #expect(failed.errors.contains("missing/token"), "\(failed.errors)")
    #expect(!failed.errors.contains("Fatal error") && !failed.output.contains("First start"))
    flags[flags.count - 1] = folder.file("token")
    let (child, isReady) = try await start(flags)
    #expect(isReady, "\(child.errors)")
    #expect(
      try String(contentsOfFile: folder.file("token"), encoding: .utf8).hasPrefix("spb_"))
    _ = try await child.terminate()
  }

  @Test func bootstrapTokenThatWasMadeAndNotWrittenIsOfferedAgain() async throws {
    try await SmallFileSystem.with(megabytes: 1) { disk in
      _ = try await run("dd", ["if=/dev/zero", "of=\(disk)/filler", "bs=4k"])
      let flags = try await flags(database: "diskfull", tokenFile: "\(disk)/token")
      let (failed, _) = try await start(flags)
      #expect(try await failed.wait() == .code(78))
      #expect(failed.errors.contains("No space left"), "\(failed.errors)")
      #expect(!failed.errors.contains("spb_") && !failed.output.contains("spb_"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == ["filler"])
      try FileManager.default.removeItem(atPath: "\(disk)/filler")
      let (child, isReady) = try await start(flags)
      #expect(isReady, "\(child.errors)")
      #expect(try String(contentsOfFile: "\(disk)/token", encoding: .utf8).hasPrefix("spb_"))
      _ = try await child.terminate()
    }
  }

  @Test func bootstrapTokenGoesIntoAMountedFile() async throws {
    let folder = try ScratchFolder()
    let file = try folder.write(
      "spb_stale\n" + String(repeating: "x", count: 99), to: "t")
    chmod(file, 0o644)
    let flags = try await flags(database: "mounted", tokenFile: file)
    let (child, isReady) = try await start(
      flags,
      under: try await SmallFileSystem.namespace() + [
        "sh", "-c",
        "mount --bind '\(file)' '\(file)' && exec \"$0\" \"$@\"",
      ])
    #expect(isReady, "\(child.errors)")
    let token = try String(contentsOfFile: file, encoding: .utf8)
    #expect(token.hasPrefix("spb_") && !token.contains("stale") && token.hasSuffix("\n"))
    #expect(token.utf8.count < 80)
    let attributes = try FileManager.default.attributesOfItem(atPath: file)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["t"])
    _ = try await child.terminate()
  }

  private static let futureMigration =
    "insert into sallyport.migration (number, name, checksum) values (9999, 'from-later', 'x')"

  /// The state folder of a second agent, enrolled but not serving.
  private func enrolledState(_ fleet: Fleet) async throws -> String {
    let state = fleet.folder.file("second-\(UInt16.random(in: 0 ... .max))")
    let token = try await AgentProcess.joinToken(
      control: fleet.control, segment: "second", port: try FreePort.next())
    let outcome = try await AgentProcess.enroll(
      control: fleet.control, token: token, state: state)
    guard outcome.succeeded else { throw TestFailure(outcome.errors) }
    return state
  }
}
