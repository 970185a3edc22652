import AgentState
import Foundation
import Testing

@Suite struct FolderTests {
  let bench: StateBench

  init() throws { bench = try StateBench() }

  @Test func folderAndFilesAreThePrivateOfTheirOwner() async throws {
    let state = try await bench.enrolled()
    try await state.moveCursor(ShippingCursor(epoch: 1, lane: 0, nextSeq: 1))
    #expect(try bench.mode(bench.folder) == 0o700)
    let files = try FileManager.default.contentsOfDirectory(atPath: bench.folder)
    #expect(files.contains("agent.sqlite"))
    for file in files {
      #expect(try bench.mode("\(bench.folder)/\(file)") == 0o600, "\(file)")
    }
  }

  @Test func emptyFolderThatOthersCanReadIsNarrowed() throws {
    try FileManager.default.createDirectory(
      atPath: bench.folder, withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o755])
    #expect(bench.failure(for: .enrol) == nil)
    #expect(try bench.mode(bench.folder) == 0o700)
  }

  @Test func folderOfSomethingElseIsLeftAlone() throws {
    try FileManager.default.createDirectory(
      atPath: bench.folder, withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o755])
    try Data().write(to: URL(fileURLWithPath: "\(bench.folder)/others-file"))
    let failure = bench.failure(for: .enrol)
    #expect(failure?.code == .folderNotPrivate)
    #expect(failure?.message.contains(bench.folder) == true)
    #expect(try bench.mode(bench.folder) == 0o755)
  }

  @Test func filesThatWereOpenedUpAreClosedAgain() async throws {
    try await bench.enrolled().close()
    let database = "\(bench.folder)/agent.sqlite"
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: database)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: bench.folder)
    #expect(bench.failure(for: .serve) == nil)
    #expect(try bench.mode(database) == 0o600)
    #expect(try bench.mode(bench.folder) == 0o700)
  }

  @Test func folderThatCannotBeMadeIsNamed() {
    // A file in the path stops root too.
    #expect(FileManager.default.createFile(atPath: "\(bench.root)/file", contents: nil))
    let failure = bench.failure(opening: "\(bench.root)/file/state", for: .enrol)
    #expect(failure?.code == .folderNotWritable)
    #expect(failure?.message.contains("--state") == true)
    #expect(bench.failure(opening: "\(bench.root)/file", for: .enrol)?.code == .folderNotWritable)
  }

  @Test func missingFolderSaysHowToEnrol() {
    for purpose in [AgentState.Purpose.serve, .inspect] {
      let failure = bench.failure(for: purpose)
      #expect(failure?.code == .folderMissing)
      #expect(failure?.message.contains("enroll") == true)
      #expect(!FileManager.default.fileExists(atPath: bench.folder))
    }
  }

  @Test func emptyFolderIsNotEnrolled() throws {
    try FileManager.default.createDirectory(
      atPath: bench.folder, withIntermediateDirectories: false)
    for purpose in [AgentState.Purpose.serve, .inspect] {
      #expect(bench.failure(for: purpose)?.code == .notEnrolled)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder).isEmpty)
  }

  @Test func oneAgentAtATime() async throws {
    let first = try await bench.enrolled()
    let failure = bench.failure(for: .serve)
    #expect(failure?.code == .inUse)
    #expect(failure?.message.contains(bench.folder) == true)
    #expect(bench.failure(for: .enrol)?.code == .inUse)
    #expect(bench.failure(for: .inspect) == nil)
    first.close()
    #expect(bench.failure(for: .serve) == nil)
  }

  @Test func damagedFileIsNamed() async throws {
    try await bench.enrolled().close()
    let database = "\(bench.folder)/agent.sqlite"
    for suffix in ["-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: database + suffix)
    }
    try Data(repeating: 0x5A, count: 8_192).write(to: URL(fileURLWithPath: database))
    let failure = bench.failure(for: .serve)
    #expect(failure?.code == .database)
    #expect(failure?.message.contains(bench.folder) == true)
  }
}
