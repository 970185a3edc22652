import GRPCCore
import Testing

@testable import ControlLink

@Suite struct LinkOutboxTests {
  /// A link that breaks cancels its writer. Who sends then must not be told that it was cancelled
  /// itself: the agent would dial no more, and stop.
  @Test func behindACancelledWriterTheLinkHasEnded() async {
    let outbox = LinkOutbox<Int>()
    let writer = Task { for await _ in outbox.messages {} }
    writer.cancel()
    await writer.value
    #expect(code { try outbox.send(1) } == .unavailable)
  }

  @Test func aPeerThatReadsNoMoreIsNoticed() {
    let outbox = LinkOutbox<Int>()
    for number in 0..<LinkOutbox<Int>.maximumWaiting {
      #expect(code { try outbox.send(number) } == nil)
    }
    #expect(code { try outbox.send(0) } == .resourceExhausted)
  }

  private func code(_ body: () throws -> Void) -> RPCError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? RPCError)?.code ?? .unknown
    }
  }
}
