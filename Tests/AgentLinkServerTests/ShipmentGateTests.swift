import GatewayModel
import Testing

@testable import AgentLinkServer

@Suite struct ShipmentGateTests {
  private func agent(_ number: UInt64) -> AgentID { AgentID(Identifier128(high: 0, low: number)) }

  @Test func `an agent has its share and no more`() {
    let gate = ShipmentGate(total: 3, perAgent: 2)
    #expect(gate.enter(agent(1)) && gate.enter(agent(1)))
    #expect(!gate.enter(agent(1)))
    #expect(gate.enter(agent(2)))
    #expect(!gate.enter(agent(3)))
    gate.leave(agent(1))
    #expect(gate.enter(agent(3)))
    gate.leave(agent(2))
    #expect(gate.enter(agent(1)))
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
