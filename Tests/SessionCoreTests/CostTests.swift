import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// What the core costs by itself. Prints figures; they mean something in a release build only.
@Suite struct CostTests {
  private func measure(_ what: String, _ count: Int, _ body: () -> Void) {
    let duration = ContinuousClock().measure { for _ in 0..<count { body() } }
    let nanoseconds = duration / .nanoseconds(1) / Double(count)
    print("session core: \(what): \(Int(nanoseconds)) ns")
  }

  @Test func cycles() {
    let now = MonotonicTime(nanoseconds: 1)
    var core = SessionHarness.ready().core
    let query = Client.query("select 1")
    let answer = all([
      Server.rowDescription, Server.row, Server.complete("SELECT 1"), Server.ready(),
    ])
    measure("simple cycle", 20_000) {
      _ = core.handle(.clientBytes(query), at: now)
      _ = core.handle(.serverBytes(answer), at: now)
    }
    let extended = all([
      Client.parse("", "select $1", [23]), Client.bind("", "", [ByteBuffer(string: "1")]),
      Client.describe(portal: ""), Client.execute(), Client.sync,
    ])
    let extendedAnswer = all([
      Server.parseComplete, Server.bindComplete, Server.rowDescription, Server.row,
      Server.complete("SELECT 1"), Server.ready(),
    ])
    measure("extended cycle", 20_000) {
      _ = core.handle(.clientBytes(extended), at: now)
      _ = core.handle(.serverBytes(extendedAnswer), at: now)
    }
    _ = core.handle(.clientBytes(query), at: now)
    let rows = Server.rows(10_000)
    measure("10,000 rows in one chunk", 100) { _ = core.handle(.serverBytes(rows), at: now) }
    #expect(core.isReady)
    #expect(core.currentStatement != nil)
  }
}
