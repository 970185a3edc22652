import APIModel
import GatewayModel
import StatementAnalysis
import TestSupport
import Testing

@testable import ControlCore

@Suite struct AskingTests {
  private func query(_ filter: StatementFilter) async throws -> StatementQuery? {
    let plane = try await Plane()
    _ = try await plane.plane.audit.statements(filter, by: plane.caller)
    return plane.store.state.withLock { $0.statementQueries.last }
  }

  @Test func filtersAreRead() async throws {
    let digest = String(repeating: "Ab", count: 32)
    let query = try await query(
      StatementFilter(
        principal: ["a", "b"], actor: ["bot"], root: ["alice"], connection: ["orders"],
        agent: "0190", segment: ["prod"], since: "2026-01-01T00:00:00Z",
        until: "2026-01-01T00:00:01Z", table: ["Public.Orders", "\"X\""],
        command: ["delete", "drop  table"], effect: ["write"], decision: "refused",
        rule: ["g"], outcome: ["failed", "unknown"], rowsOver: 0, digest: [digest],
        sqlstate: ["42p01", "08"]))
    let read = try #require(query)
    #expect(read.principals == ["a", "b"])
    #expect(read.actors == ["bot"])
    #expect(read.roots == ["alice"])
    #expect(read.connections == ["orders"])
    #expect(read.agentPrefix == "0190")
    #expect(read.segments == ["prod"])
    #expect(read.tables.map(\.description) == ["public.orders", "\"X\""])
    #expect(read.commands == ["DELETE", "DROP TABLE"])
    #expect(read.effects == [.write])
    #expect(read.decision == .refused)
    #expect(read.rules == ["g"])
    #expect(read.outcomes == [.failed, .unknown])
    #expect(read.rowsOver == 0)
    #expect(read.digests == [[UInt8](repeating: 0xAB, count: 32)])
    #expect(read.sqlstates == ["42P01", "08"])
    #expect(read.patience == nil)
  }

  @Test(arguments: [
    (StatementFilter(principal: [""]), "principal"),
    (StatementFilter(actor: [String(repeating: "a", count: 4097)]), "actor"),
    (StatementFilter(root: Array(repeating: "a", count: 51)), "root"),
    (StatementFilter(since: "2026-01-02T00:00:00Z", until: "2026-01-02T00:00:00Z"), "until"),
    (StatementFilter(table: ["a b"]), "table"),
    (StatementFilter(table: ["a.b.c.d"]), "table"),
    (StatementFilter(command: ["DELETE; DROP"]), "command"),
    (StatementFilter(command: [""]), "command"),
    (StatementFilter(effect: ["delete"]), "effect"),
    (StatementFilter(decision: "denied"), "decision"),
    (StatementFilter(outcome: ["ok"]), "outcome"),
    (StatementFilter(rowsOver: -1), "rowsOver"),
    (StatementFilter(digest: ["abcd"]), "digest"),
    (StatementFilter(digest: [String(repeating: "x", count: 64)]), "digest"),
    (StatementFilter(sqlstate: ["4"]), "sqlstate"),
    (StatementFilter(sqlstate: ["42P0!"]), "sqlstate"),
    (StatementFilter(order: "oldest", wait: 5), "wait"),
    (StatementFilter(cursor: "c", wait: 5), "wait"),
    (StatementFilter(order: "oldest", cursor: "c", wait: 31), "wait"),
    (StatementFilter(order: "oldest", cursor: "c", wait: 0), "wait"),
  ])
  func badValuesAreNamed(filter: StatementFilter, field: String) async throws {
    let error = await #expect(throws: ControlError.self) { try await query(filter) }
    #expect(error?.code == .invalid)
    #expect(error?.message.hasPrefix("\(field):") == true, "\(error?.message ?? "")")
  }

  @Test func pagesOfASessionNeedItsAgent() async throws {
    let plane = try await Plane()
    let id = Identifier128(high: 1, low: 2).description
    let error = await #expect(throws: ControlError.self) {
      try await plane.plane.audit.sessions(withID: id, agent: nil, cursor: "c", by: plane.caller)
    }
    #expect(error?.message.hasPrefix("cursor:") == true)
    await #expect(throws: ControlError.self) {
      try await plane.plane.audit.sessions(withID: id, agent: "0190", cursor: "c", by: plane.caller)
    }
    let query = plane.store.state.withLock { $0.detailQueries.last }
    #expect(query?.cursor == "c")
    #expect(query?.agentPrefix == "0190")
    #expect(query?.statementLimit == 1000)
  }

  @Test func aWaitingAnswerComesWithTheFirstRow() async throws {
    let plane = try await Plane()
    let running = Task { await plane.plane.audit.run() }
    defer { running.cancel() }
    let answer = Task {
      try await plane.plane.audit.statements(
        StatementFilter(order: "oldest", cursor: "c", wait: 30), by: plane.caller)
    }
    try await eventually("a waiting question") { await plane.plane.audit.watch.hasWaiters }
    let asked = plane.store.state.withLock { $0.statementQueries.count }
    plane.store.state.withLock {
      $0.statements = [.sample]
      $0.trailEnd = 7
    }
    #expect(try await answer.value.items.count == 1)
    let queries = plane.store.state.withLock { $0.statementQueries }
    #expect(queries.count == asked + 1)
    // It goes on from the end of the empty answer.
    #expect(queries.last?.cursor == "0")
  }

  @Test func aWaitingAnswerIsEmptyWhenTheTimeIsUpOrTheProgramEnds() async throws {
    let plane = try await Plane()
    let filter = StatementFilter(order: "oldest", cursor: "c", wait: 1)
    let page = try await plane.plane.audit.statements(filter, by: plane.caller)
    #expect(page.items.isEmpty && page.nextCursor == "0")
    let answer = Task {
      var filter = filter
      filter.wait = 30
      return try await plane.plane.audit.statements(filter, by: plane.caller)
    }
    try await eventually("a waiting question") { await plane.plane.audit.watch.hasWaiters }
    await plane.plane.audit.endWaiting()
    #expect(try await answer.value.items.isEmpty)
    // And none waits any more.
    #expect(try await plane.plane.audit.statements(filter, by: plane.caller).items.isEmpty)
  }

  @Test func notMoreWaitThanThereIsRoomFor() async throws {
    let watch = TrailWatch(surroundings: Plane.surroundings { 0 })
    let waiting = (0..<TrailWatch.maximumWaiting).map { _ in
      Task { try await watch.wait(beyond: 0, within: .seconds(600)) }
    }
    try await eventually("all waiting") { await watch.waitingCount == TrailWatch.maximumWaiting }
    let error = await #expect(throws: ControlError.self) {
      try await watch.wait(beyond: 0, within: .seconds(600))
    }
    #expect(error?.code == .unavailable)
    await watch.update(1)
    for task in waiting { #expect(try await task.value) }
    #expect(try await watch.wait(beyond: 0, within: .seconds(600)))
  }
}

@Suite struct TextAnalysisTests {
  @Test func textsAreAnalysedAndSettled() async throws {
    let plane = try await Plane()
    let long = String(repeating: "x", count: StatementAnalysis.maximumFormBytes + 1)
    plane.store.state.withLock { $0.waitingTexts = ["DELETE FROM orders", "SELEC", long] }
    let thread = AnalysisThread()
    defer { thread.end() }
    #expect(try await plane.plane.texts.round(thread) == 3)
    #expect(try await plane.plane.texts.round(thread) == 0)
    let results = plane.store.state.withLock { $0.analysedTexts }
    #expect(results.map { $0.digest.count } == [18, 5, long.utf8.count])
    #expect(try results[0].result.get().facts.tables.map(\.name.description) == ["orders"])
    guard case .failure(.refused) = results[1].result else {
      Issue.record("SELEC has facts")
      return
    }
    #expect(results[2].result == .failure(.tooLong(bytes: long.utf8.count)))
  }

  @Test func theControlPlaneAnalysesOnItsOwn() async throws {
    let plane = try await Plane()
    plane.store.state.withLock { $0.waitingTexts = (0..<450).map { "SELECT \($0)" } }
    let running = Task { await plane.plane.run() }
    defer { running.cancel() }
    try await eventually("all texts") {
      plane.store.state.withLock { $0.analysedTexts.count == 450 }
    }
  }
}

extension StatementInfo {
  static let sample = StatementInfo(
    kind: "statement", at: "2026-05-04T03:12:07.250Z", session: nil, statement: 1,
    principal: "alice@example.com", principalKind: "user", groups: [], actors: [],
    connection: "orders", database: nil, databaseRole: nil, agent: "a", clientAddress: nil,
    applicationName: nil, sql: nil, digest: nil, parameters: [], outcome: "completed",
    sqlstate: nil, message: nil, reason: nil, commandTag: nil, rows: nil,
    serverMilliseconds: nil, totalMilliseconds: nil, rule: nil, bundleVersion: nil,
    record: "1/0/1")
}
