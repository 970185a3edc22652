import Foundation
import GatewayModel
import StatementAnalysis

/// Measures what the analysis of a statement costs: `analysis-measure`.
///
/// For each text: PostgreSQL's raw parse alone, and the facts, which include it. Each is the best of
/// several rounds of one thread, so that what else the machine does counts little.
@main
struct AnalysisMeasure {
  struct Text {
    var name: String
    var sql: String
  }

  static let texts = [
    Text(name: "select 1", sql: "select 1"),
    Text(
      name: "pgbench's point select", sql: "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;"
    ),
    Text(
      name: "update of one row", sql: "UPDATE orders SET state = 'sent', at = now() WHERE id = $1"),
    Text(
      name: "join, 346 bytes",
      sql: """
        SELECT o.id, o.created_at, c.name, c.email, sum(l.quantity * l.price) AS total FROM orders o \
        JOIN customers c ON c.id = o.customer_id LEFT JOIN order_lines l ON l.order_id = o.id WHERE \
        o.state IN ('open', 'paid') AND o.created_at > now() - interval '7 days' AND c.country = $1 \
        GROUP BY o.id, o.created_at, c.name, c.email ORDER BY total DESC LIMIT 50 OFF\
        SET 0
        """),
    Text(
      name: "insert of 100 rows",
      sql: "INSERT INTO events (id, kind, payload, at) VALUES "
        + (1...100).map { "(\($0), 'click', '{\"page\": \($0)}', now())" }.joined(separator: ", ")),
    Text(
      name: "IN list of 20,000",
      sql: "SELECT * FROM t WHERE id IN (" + (1...20_000).map(String.init).joined(separator: ",")
        + ")"),
  ]

  static func main() {
    let header =
      "text".padding(toLength: 24, withPad: " ", startingAt: 0)
      + "   bytes  parse µs  facts µs  ratio"
    print(header)
    for text in texts {
      let bytes = Array(text.sql.utf8)
      let (parse, facts) = bytes.withUnsafeBytes { bytes in
        let rounds = max(20, 200_000 / max(bytes.count, 1))
        var parse = Double.infinity
        var facts = Double.infinity
        // Taken in turns: both see the same machine.
        for _ in 0..<15 {
          parse = min(
            parse, microseconds(rounds) { if !StatementAnalysis.parses(bytes) { exit(70) } })
          facts = min(
            facts,
            microseconds(rounds) {
              if StatementAnalysis.facts(of: bytes).opacity != nil { exit(70) }
            })
        }
        return (parse, facts)
      }
      print(
        text.name.padding(toLength: 24, withPad: " ", startingAt: 0),
        String(format: "%7d %9.2f %9.2f %6.2f", bytes.count, parse, facts, facts / parse))
    }
  }

  private static func microseconds(_ rounds: Int, _ body: () -> Void) -> Double {
    let start = ContinuousClock.now
    for _ in 0..<rounds { body() }
    return (ContinuousClock.now - start) / .microseconds(1) / Double(rounds)
  }
}
