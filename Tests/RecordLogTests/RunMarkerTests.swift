import AuditLog
import Foundation
import GatewayModel
import Testing

@testable import RecordLog

/// The marker tells the next start whether the host went down under an open log; an empty one would
/// tell nothing.
@Suite struct RunMarkerTests {
  private func marker(_ folder: TestFolder, _ files: FaultyFiles) throws -> RunMarker {
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    return RunMarker(
      folder: LogFolder(configuration: RecordLogConfiguration(folder: folder.path), files: files))
  }

  private func text(_ folder: TestFolder) throws -> String {
    String(decoding: try folder.bytes("running"), as: UTF8.self)
  }

  @Test(arguments: [ENOSPC, EIO])
  func failedWriteLeavesTheEarlierBoot(errorNumber: Int32) throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    try marker(folder, files).set(keepingEarlier: false)
    files.set {
      $0.boot = "boot-2"
      $0.write = (errorNumber, 0)
    }
    let second = try marker(folder, files)
    let error = #expect(throws: RecordLogError.self) { try second.set(keepingEarlier: false) }
    #expect(error?.code == (errorNumber == ENOSPC ? .full : .io))
    #expect(try text(folder) == "boot-1")
    #expect(try second.tellsOfHostRestart())
  }

  /// A part of a name must not look like the name of another boot.
  @Test func tornWriteIntoAnEmptyMarkerLeavesItEmpty() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    let marker = try marker(folder, files)
    files.set { $0.write = (EIO, 3) }
    #expect(throws: RecordLogError.self) { try marker.set(keepingEarlier: false) }
    #expect(try text(folder) == "")
    #expect(try !marker.tellsOfHostRestart())
  }

  @Test(arguments: ["boot-longer", "b"])
  func anotherLengthOfName(earlier: String) throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    files.set { $0.boot = earlier }
    try marker(folder, files).set(keepingEarlier: false)
    files.set { $0.boot = "boot-2" }
    let second = try marker(folder, files)
    try second.set(keepingEarlier: true)
    #expect(try text(folder) == earlier)
    try second.set(keepingEarlier: false)
    #expect(try text(folder) == "boot-2")
  }

  /// Started on a disk without room for the marker: no work before it is there, and a host restart
  /// after that is told.
  @Test func markerThatFoundNoRoomIsSetBeforeAnyWork() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    files.set {
      $0.write = (ENOSPC, 0)
      $0.writeTo = ["running"]
    }
    do {
      let directory = try Fixture.open(folder, files: files)
      let writer = try directory.writer()
      #expect(!writer.acceptsWork)
      #expect(directory.health.state == .failing)
      #expect(throws: RecordLogError.self) { try writer.reopen(at: Fixture.time(1)) }
      #expect(throws: RecordLogError.self) { try writer.pair(1) }
      #expect(try text(folder) == "")
      files.set { $0.write = nil }
      try writer.reopen(at: Fixture.time(2))
      #expect(try text(folder) == "boot-1")
      try writer.pair(2)
    }
    files.set { $0.boot = "boot-2" }
    let directory = try Fixture.open(folder, files: files)
    try directory.writer().sync()
    #expect(try directory.reader().all().losses.map(\.reason).last == "host_restart")
  }

  /// A due loss keeps the boot of the run in which it happened, but no empty marker.
  @Test func emptyMarkerIsWrittenWhileALossIsDue() throws {
    let folder = TestFolder()
    let files = FaultyFiles()
    do {
      let writer = try Fixture.open(folder, files: files).writer(lane: 1)
      for number in 1...4 { try writer.pair(UInt64(number)) }
    }
    let name = try #require(folder.segments().first)
    var bytes = try folder.bytes(name)
    bytes[SegmentHeader.byteCount + 20] ^= 1
    try folder.write(bytes, to: name)
    try folder.write([], to: "running")
    // Killed before lane 1 had its loss; lane 0 has worked meanwhile.
    do { try Fixture.open(folder, files: files).writer(lane: 0).pair(1) }
    files.set { $0.boot = "boot-2" }
    let directory = try Fixture.open(folder, files: files)
    let writers = try [UInt32(0), 1].map { try directory.writer(lane: $0) }
    for writer in writers { writer.sync() }
    #expect(try directory.reader(lane: 0).all().losses.map(\.reason) == ["host_restart"])
    #expect(try directory.reader(lane: 1).all().losses.map(\.reason) == ["damaged"])
  }
}
