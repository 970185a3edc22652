import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import AgentLinkServer

@Suite struct ShipmentGateTests {
  private func agent(_ number: UInt64) -> AgentID { AgentID(Identifier128(high: 0, low: number)) }

  private func gate(
    stored: Int = 3, perAgent: Int = 2, entries: Int = 100, entriesPerAgent: Int = 10,
    bytes: Int = 1000
  ) -> ShipmentGate {
    ShipmentGate(
      ShipmentGate.Limits(
        stored: stored, storedPerAgent: perAgent, entries: entries,
        entriesPerAgent: entriesPerAgent, bytes: bytes))
  }

  /// Who enters writes its number.
  private final class Entered: Sendable {
    private let numbers = Mutex<[UInt64]>([])
    var all: [UInt64] { numbers.withLock { $0 } }
    func note(_ number: UInt64) { numbers.withLock { $0.append(number) } }
  }

  private func wait(
    _ gate: ShipmentGate, _ number: UInt64, _ entered: Entered, bytes: Int = 1
  ) -> Task<ShipmentGate.Admission, Never> {
    Task {
      let admission = await gate.enter(agent(number), bytes: bytes)
      if admission == .entered { entered.note(number) }
      return admission
    }
  }

  @Test func `an agent has its share and no more`() async throws {
    let gate = gate()
    let entered = Entered()
    for number: UInt64 in [1, 1, 2] {
      #expect(await gate.enter(agent(number), bytes: 1) == .entered)
    }
    let own = wait(gate, 1, entered)
    let other = wait(gate, 3, entered)
    try await eventually("both wait") { gate.waiting == 2 }
    // A place of another: the own one of agent 1 still has to wait for its own.
    gate.leave(agent(2), bytes: 1)
    #expect(await other.value == .entered)
    #expect(gate.waiting == 1)
    gate.leave(agent(1), bytes: 1)
    #expect(await own.value == .entered)
  }

  @Test func `agents take turns`() async throws {
    let gate = gate(stored: 1, perAgent: 1)
    let entered = Entered()
    #expect(await gate.enter(agent(9), bytes: 1) == .entered)
    var tasks: [Task<ShipmentGate.Admission, Never>] = []
    // Agent 1 has a backlog before the others come.
    for number: UInt64 in [1, 1, 1, 1, 2, 3, 2] {
      tasks.append(wait(gate, number, entered))
      let count = tasks.count
      try await eventually("it waits") { gate.waiting == count }
    }
    gate.leave(agent(9), bytes: 1)
    for count in 1...7 {
      try await eventually("the next one enters") { entered.all.count == count }
      gate.leave(agent(entered.all[count - 1]), bytes: 1)
    }
    #expect(entered.all == [1, 2, 3, 1, 2, 1, 1])
  }

  @Test func `room is kept for who was sent away`() async throws {
    let gate = gate(stored: 10, perAgent: 10, bytes: 100)
    #expect(await gate.enter(agent(1), bytes: 50) == .entered)
    #expect(await gate.enter(agent(2), bytes: 50) == .entered)
    guard case .comeAgain(let delay) = await gate.enter(agent(3), bytes: 60) else {
      Issue.record("there was room")
      return
    }
    #expect((.milliseconds(50) ... .seconds(10)).contains(delay))
    gate.leave(agent(1), bytes: 50)
    // 50 are free, and agent 3 comes first.
    #expect(await gate.enter(agent(1), bytes: 50) != .entered)
    gate.leave(agent(2), bytes: 50)
    #expect(await gate.enter(agent(2), bytes: 50) != .entered)
    #expect(await gate.enter(agent(3), bytes: 60) == .entered)
    #expect(await gate.enter(agent(1), bytes: 40) == .entered)
  }

  @Test func `a claim that nobody comes for ends`() async {
    let gate = gate(bytes: 100)
    let start = ContinuousClock.now
    #expect(await gate.enter(agent(1), bytes: 90, at: start) == .entered)
    #expect(await gate.enter(agent(2), bytes: 90, at: start) != .entered)
    gate.leave(agent(1), bytes: 90)
    #expect(await gate.enter(agent(1), bytes: 90, at: start) != .entered)
    #expect(await gate.enter(agent(1), bytes: 90, at: start + .seconds(60)) == .entered)
  }

  @Test func `a batch of any size is let in alone, and entries are bounded`() async {
    let gate = gate(entriesPerAgent: 1, bytes: 10)
    #expect(await gate.enter(agent(1), bytes: 1000) == .entered)
    #expect(await gate.enter(agent(1), bytes: 0) != .entered)
    #expect(await gate.enter(agent(2), bytes: 1) != .entered)
    gate.leave(agent(1), bytes: 1000)
    #expect(await gate.enter(agent(2), bytes: 1) == .entered)
  }

  @Test func `who gives up waiting leaves no trace`() async throws {
    let gate = gate(stored: 1, perAgent: 1)
    let entered = Entered()
    #expect(await gate.enter(agent(1), bytes: 1) == .entered)
    let waiting = wait(gate, 2, entered)
    try await eventually("it waits") { gate.waiting == 1 }
    waiting.cancel()
    #expect(await waiting.value != .entered)
    #expect(gate.waiting == 0)
    gate.leave(agent(1), bytes: 1)
    #expect(await gate.enter(agent(3), bytes: 1) == .entered)
  }

  @Test func `of many agents with a backlog none gets more than its share`() async {
    let gate = gate(stored: 4, perAgent: 2, entriesPerAgent: 4)
    let entered = Entered()
    await withTaskGroup(of: Void.self) { group in
      for number in UInt64(1)...10 {
        for _ in 0..<3 {
          group.addTask {
            await Self.ship(AgentID(Identifier128(high: 0, low: number)), gate, entered)
          }
        }
      }
    }
    let counts = Dictionary(entered.all.map { ($0, 1) }, uniquingKeysWith: +).values.sorted()
    #expect(counts.count == 10)
    #expect((counts.last ?? 0) - (counts.first ?? 0) <= 15, "\(counts)")
  }

  private static func ship(_ agent: AgentID, _ gate: ShipmentGate, _ entered: Entered) async {
    while entered.all.count < 600 {
      guard await gate.enter(agent, bytes: 1) == .entered else { continue }
      entered.note(agent.value.low)
      await Task.yield()
      gate.leave(agent, bytes: 1)
    }
  }
}

@Suite struct OpenLinksTests {
  private let agent = AgentID(Identifier128(high: 0, low: 1))

  @Test func `a later link ends the earlier one of the agent`() async {
    let links = OpenLinks()
    let first = links.open(agent)
    let second = links.open(agent)
    #expect(await first.ends.first { _ in true } == .replaced)
    // The earlier one's end does not close the later one.
    links.close(agent, serial: first.serial)
    links.shutDown()
    #expect(await second.ends.first { _ in true } == .shutdown)
  }

  @Test func `a link opened after the shutdown ends at once`() async {
    let links = OpenLinks()
    links.shutDown()
    #expect(await links.open(agent).ends.first { _ in true } == .shutdown)
  }

  @Test func `a chain of PEM is cut at its certificates`() {
    let mark = "-----BEGIN CERTIFICATE-----"
    #expect("".components(cutBefore: mark).isEmpty)
    #expect(
      "# text\n\(mark)\na\n\(mark)\nb\n".components(cutBefore: mark)
        == ["\(mark)\na\n", "\(mark)\nb\n"])
  }
}
