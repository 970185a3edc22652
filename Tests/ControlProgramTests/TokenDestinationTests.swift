import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import sallyport_control

/// Where the bootstrap token goes, and that it goes nowhere else.
@Suite struct TokenDestinationTests {
  private let folder: ScratchFolder
  private var path: String { folder.file("token") }
  private let token = Secret(text: "spb_new")

  init() throws { folder = try ScratchFolder() }

  private func content() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  private func mode() throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  private func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
  }

  @Test func newFileIsItsOwnersAlone() throws {
    for make in [TokenDestination.new, TokenDestination.replaceable] {
      try make(path).deliver(token)
      #expect(try content() == "spb_new\n")
      #expect(try mode() == 0o600)
      try FileManager.default.removeItem(atPath: path)
    }
  }

  @Test func staleFileIsReplacedWithItsMode() throws {
    try folder.write("spb_old\n", to: "token")
    chmod(path, 0o644)
    let reader = try #require(FileHandle(forReadingAtPath: path))
    try TokenDestination.replaceable(path).deliver(token)
    #expect(try content() == "spb_new\n")
    #expect(try mode() == 0o600)
    // Who has the old file open does not see the new token.
    #expect(try reader.readToEnd() == Data("spb_old\n".utf8))
    #expect(try files() == ["token"])
  }

  @Test func fileInUseIsLeftAloneByTheBootstrapCommand() throws {
    let destination = try TokenDestination.new(path)
    try folder.write("spb_old\n", to: "token")
    let before = #expect(throws: StartFailure.self) { try TokenDestination.new(path) }
    #expect(before?.description.contains(path) == true)
    // Nor is one that came since.
    let since = #expect(throws: StartFailure.self) { try destination.deliver(token) }
    #expect(since?.description.contains("exists") == true)
    #expect(since?.description.contains("spb_new") == false)
    #expect(try content() == "spb_old\n")
  }

  @Test func whatIsNoFileIsRefusedBeforeThereIsAToken() throws {
    for other in [folder.path, "/dev/null"] {
      let failure = #expect(throws: StartFailure.self) { try TokenDestination.replaceable(other) }
      #expect(failure?.kind == .configuration)
      #expect(failure?.description.contains(other) == true)
    }
  }

  @Test func missingFolderIsToldBeforeThereIsAToken() throws {
    for make in [TokenDestination.new, TokenDestination.replaceable] {
      let destination = try make(folder.file("missing/token"))
      let failure = #expect(throws: StartFailure.self) { try destination.prepare() }
      #expect(failure?.kind == .configuration)
      #expect(failure?.description.contains("missing/token") == true)
      #expect(failure?.description.contains("No such file") == true)
      #expect(failure?.description.contains("--bootstrap-token-file") == true)
    }
    #expect(try files().isEmpty)
  }

  @Test func preparingChangesNothingThatStays() throws {
    try folder.write("spb_old\n", to: "token")
    let destination = try TokenDestination.replaceable(path)
    try destination.prepare()
    #expect(try content() == "spb_old\n")
    #expect(try files().count == 2)
    for name in try files() {
      let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(name))
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
    destination.discard()
    #expect(try files() == ["token"])
    try destination.prepare()
    try destination.deliver(token)
    #expect(try content() == "spb_new\n")
    #expect(try files() == ["token"])
    let other = try TokenDestination.new(folder.file("other"))
    try other.prepare()
    try other.deliver(token)
    #expect(try files().sorted() == ["other", "token"])
  }

  @Test func tokenThatCannotBeWrittenIsNotShown() throws {
    let destination = try TokenDestination.replaceable(folder.file("missing/token"))
    let failure = #expect(throws: StartFailure.self) { try destination.deliver(token) }
    #expect(failure?.description.contains("missing/token") == true)
    #expect(failure?.description.contains("start again") == true)
    #expect(failure?.description.contains("spb_new") == false)
    #expect(try files().isEmpty)
  }
}
