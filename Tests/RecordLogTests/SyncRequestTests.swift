import Foundation
import Synchronization
import TestSupport
import Testing

@testable import RecordLog

/// What waits until records are on the medium.
@Suite struct SyncRequestTests {
  /// Holds syncs up until it is opened.
  private final class Gate: Sendable {
    private let state = Mutex((isOpen: true, waiting: 0))
    var waiting: Int { state.withLock { $0.waiting } }
    func close() { state.withLock { $0.isOpen = false } }
    func open() { state.withLock { $0.isOpen = true } }
    func pass() {
      state.withLock { $0.waiting += 1 }
      while !state.withLock({ $0.isOpen }) { usleep(1_000) }
      state.withLock { $0.waiting -= 1 }
    }
  }

  private final class Answers: Sendable {
    private let kept = Mutex<[Result<UInt64, RecordLogError>]>([])
    var all: [Result<UInt64, RecordLogError>] { kept.withLock { $0 } }
    func take(_ answer: Result<UInt64, RecordLogError>) { kept.withLock { $0.append(answer) } }
  }

  /// Only whoever waits makes it sync: the background's interval is too long.
  private func open(_ folder: TestFolder, _ files: FaultyFiles) throws -> RecordLogDirectory {
    try Fixture.open(folder, files: files) { $0.syncInterval = .seconds(3_600) }
  }

  @Test func answersWhenTheRecordsAreOnTheMedium() async throws {
    let (folder, files, gate, answers) = (TestFolder(), FaultyFiles(), Gate(), Answers())
    let directory = try open(folder, files)
    let writer = try directory.writer()
    try writer.pair(1)
    let wanted = writer.nextSeq
    gate.close()
    files.set { $0.duringSync = { gate.pass() } }
    writer.whenSynced(wanted) { answers.take($0) }
    try await eventually("a sync runs") { gate.waiting == 1 }
    #expect(answers.all.isEmpty)
    #expect(try directory.reader().all().count < Int(wanted))
    gate.open()
    try await eventually("answered") { !answers.all.isEmpty }
    #expect(answers.all == [.success(wanted)])
    #expect(try directory.reader().all().count == Int(wanted))
    // What is there already needs no sync.
    let before = files.syncs
    writer.whenSynced(wanted) { answers.take($0) }
    #expect(answers.all.count == 2 && files.syncs == before)
  }

  /// Those who ask while a sync runs share one more, and each is answered behind its own records.
  @Test func syncsAreShared() async throws {
    let (folder, files, gate, answers) = (TestFolder(), FaultyFiles(), Gate(), Answers())
    let directory = try open(folder, files)
    let writer = try directory.writer()
    try writer.pair(1)
    let before = files.syncs
    gate.close()
    files.set { $0.duringSync = { gate.pass() } }
    writer.whenSynced(writer.nextSeq) { answers.take($0) }
    try await eventually("a sync runs") { gate.waiting == 1 }
    for number in 2...50 {
      try writer.pair(UInt64(number))
      writer.whenSynced(writer.nextSeq) { answers.take($0) }
    }
    #expect(answers.all.isEmpty)
    gate.open()
    try await eventually("all answered") { answers.all.count == 50 }
    #expect(files.syncs - before == 2)
    #expect(try answers.all.map { try $0.get() }.max() == writer.nextSeq)
  }

  @Test func aFailedSyncFailsAllWhoWaitAndTheLane() async throws {
    let (folder, files, gate, answers) = (TestFolder(), FaultyFiles(), Gate(), Answers())
    let directory = try open(folder, files)
    let writer = try directory.writer()
    try writer.pair(1)
    gate.close()
    files.set {
      $0.sync = EIO
      $0.duringSync = { gate.pass() }
    }
    for _ in 0..<3 { writer.whenSynced(writer.nextSeq) { answers.take($0) } }
    gate.open()
    try await eventually("all answered") { answers.all.count == 3 }
    for answer in answers.all {
      let error = #expect(throws: RecordLogError.self) { try answer.get() }
      #expect(error?.code == .io)
    }
    #expect(writer.acceptsWork, "nobody has told the writer")
    writer.noticeSyncFailure()
    #expect(!writer.acceptsWork)
    // Also who asks later.
    writer.whenSynced(writer.nextSeq) { answers.take($0) }
    #expect(answers.all.count == 4)
    files.set { $0.sync = nil }
    try writer.reopen(at: Fixture.time(1))
    try writer.pair(2)
    writer.whenSynced(writer.nextSeq) { answers.take($0) }
    try await eventually("answered again") { answers.all.count == 5 }
    #expect(answers.all.last == .success(writer.nextSeq))
    #expect(try directory.reader().all().begun == [1, 2])
  }

  @Test func thereIsAMostOfThem() async throws {
    let (folder, files, gate, answers) = (TestFolder(), FaultyFiles(), Gate(), Answers())
    let directory = try open(folder, files)
    let writer = try directory.writer()
    try writer.pair(1)
    gate.close()
    files.set { $0.duringSync = { gate.pass() } }
    for _ in 0..<SyncRequests.maximum { writer.whenSynced(writer.nextSeq) { answers.take($0) } }
    #expect(answers.all.isEmpty)
    writer.whenSynced(writer.nextSeq) { answers.take($0) }
    let error = #expect(throws: RecordLogError.self) { try answers.all.first?.get() }
    #expect(error?.code == .busy)
    gate.open()
    try await eventually("all answered") { answers.all.count == SyncRequests.maximum + 1 }
  }

  /// A seq that was not given to anybody cannot be waited for.
  @Test func aSeqBeyondTheLogStandsForItsEnd() async throws {
    let (folder, files, answers) = (TestFolder(), FaultyFiles(), Answers())
    let directory = try open(folder, files)
    let writer = try directory.writer()
    try writer.pair(1)
    writer.whenSynced(.max) { answers.take($0) }
    try await eventually("answered") { !answers.all.isEmpty }
    #expect(answers.all == [.success(writer.nextSeq)])
  }

  /// What was answered is there after a power cut.
  @Test func whatWasAnsweredSurvivesAPowerCut() async throws {
    let (folder, files, answers) = (TestFolder(), FaultyFiles(), Answers())
    do {
      let directory = try open(folder, files)
      let writer = try directory.writer()
      for number in 1...20 { try writer.pair(UInt64(number)) }
      writer.whenSynced(writer.nextSeq) { answers.take($0) }
      try await eventually("answered") { !answers.all.isEmpty }
      for number in 21...30 { try writer.pair(UInt64(number)) }
    }
    try files.cutPower(folder)
    let directory = try open(folder, files)
    let writer = try directory.writer()
    writer.sync()
    let records = try directory.reader().all()
    #expect(records.begun == Array(1...20))
    #expect(records.losses.count == 1)
  }
}
