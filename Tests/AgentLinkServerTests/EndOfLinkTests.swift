import GRPCCore
import Testing

@testable import AgentLinkServer

@Suite struct EndOfLinkTests {
  private struct Blank: Error, CustomStringConvertible {
    let description = " "
  }

  private struct Reset: Error, CustomStringConvertible {
    let description = "connection reset by peer"
  }

  private func reason(_ error: any Error) -> String { EndOfLink.reason(.failure(error)) }

  @Test func `an error says why`() {
    #expect(EndOfLink.reason(.success(())) == "closed by the agent")
    #expect(reason(CancellationError()) == "the connection ended")
    #expect(reason(RPCError(code: .aborted, message: "attached anew")) == "attached anew")
    #expect(reason(Reset()) == "connection reset by peer")
  }

  @Test func `an error without words is named by its cause, or its code`() {
    // As the transport wraps an error that it does not know, once and twice.
    let once = RPCError(code: .unknown, message: "", cause: Reset())
    let twice = RPCError(code: .unknown, message: "", cause: once)
    #expect(twice.message == " ")
    #expect(reason(once) == "connection reset by peer")
    #expect(reason(twice) == "connection reset by peer")
    #expect(reason(RPCError(code: .unknown, message: " ")) == "unknown")
    #expect(
      reason(RPCError(code: .unavailable, message: "", cause: CancellationError()))
        == "the connection ended")
    #expect(reason(Blank()) == "unknown error")
  }

  @Test func `a long error is cut`() {
    let long = String(repeating: "x", count: 100_000)
    #expect(reason(RPCError(code: .unknown, message: long)).count == 500)
  }
}
