import Foundation
import GatewayModel
import StatementAnalysis
import TestSupport

/// Gives the analysis of statements texts that nobody has written: `sql-fuzz COUNT SEED FOLDER…`.
///
/// Seeds are the statements of all `.corpus` and `.sql` files of the folders. Each text is one or two of
/// them with some mutations of words, bytes and nesting. The same arguments give the same texts; a text
/// that ends the program can be made again by the number that was printed before, or with the
/// environment's SQL_FUZZ_FROM.
@main
struct SQLFuzz {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count > 3, let count = Int(arguments[1]), let seed = UInt64(arguments[2]) else {
      print("sql-fuzz COUNT SEED FOLDER…")
      exit(64)
    }
    let seeds = try arguments.dropFirst(3).flatMap(statements(below:))
    guard seeds.count > 100 else {
      print("the folders have \(seeds.count) statements: that is too few to start from")
      exit(64)
    }
    let first = ProcessInfo.processInfo.environment["SQL_FUZZ_FROM"].flatMap(Int.init) ?? 0
    // The stack of a thread that a library makes.
    let thread = Thread { report(run(seeds, from: first, to: count, seed), seeds.count, seed) }
    thread.stackSize = 512 << 10
    thread.start()
    while true { sleep(3600) }
  }

  private struct Tally {
    var texts = 0
    var opaque: [StatementFacts.Opacity: Int] = [:]
    var reading = 0
    var bytes = 0
    var worst = Duration.zero
    var worstText = 0
    var worstBytes = 0
    var broken = 0
  }

  private static func run(_ seeds: [[UInt8]], from first: Int, to count: Int, _ seed: UInt64)
    -> Tally
  {
    var tally = Tally()
    for number in first..<count {
      // Each text has a generator of its own, so that one can be made without those before.
      var mutation = Mutation(seeds: seeds, generator: SplitMix64(seed: seed &+ UInt64(number)))
      let text = mutation.text()
      let start = ContinuousClock.now
      let facts = text.withUnsafeBytes { StatementAnalysis.facts(of: $0) }
      let time = ContinuousClock.now - start
      tally.texts += 1
      tally.bytes += text.count
      if let opacity = facts.opacity { tally.opaque[opacity, default: 0] += 1 }
      if facts.effects == .read { tally.reading += 1 }
      if !isWhole(facts) {
        tally.broken += 1
        print("text \(number) has facts that contradict each other: \(facts)")
      }
      if time > tally.worst {
        (tally.worst, tally.worstText, tally.worstBytes) = (time, number, text.count)
      }
      if number % 100_000 == 99_999 { print("\(number + 1) texts") }
    }
    return tally
  }

  /// What holds for the facts of any text.
  private static func isWhole(_ facts: StatementFacts) -> Bool {
    let isUnknown = facts.effects.contains(.unknown)
    let writes = facts.tables.contains { $0.access == .write }
    if facts.opacity != nil, !isUnknown { return false }
    if isUnknown, facts.opacity == nil, facts.functions.allSatisfy(\.isKnown) { return false }
    // What names a table as written counts as writing, or is a definition of it.
    if writes, facts.effects.isDisjoint(with: [.write, .ddl]) { return false }
    if facts.isUnfiltered, !facts.effects.contains(.write) { return false }
    return Set(facts.tables).count == facts.tables.count
      && Set(facts.columns).count == facts.columns.count
  }

  private static func report(_ tally: Tally, _ seeds: Int, _ seed: UInt64) {
    let opaque = tally.opaque.values.reduce(0, +)
    print(
      "sql-fuzz: \(tally.texts) texts of \(seeds) statements, seed \(seed), no crash,",
      "\(tally.bytes / max(tally.texts, 1)) bytes on average")
    print(
      String(
        format: "opaque: %d (%.1f %%):", opaque, 100 * Double(opaque) / Double(max(tally.texts, 1))),
      tally.opaque.sorted { $0.value > $1.value }.map { "\($0.key.rawValue) \($0.value)" }
        .joined(separator: ", "))
    print("read and nothing else: \(tally.reading); contradictory: \(tally.broken)")
    print(
      "worst: \(String(format: "%.2f", tally.worst / .milliseconds(1))) ms,",
      "text \(tally.worstText) of \(tally.worstBytes) bytes")
    exit(tally.broken == 0 ? 0 : 1)
  }

  /// The statements of the files of a folder, without the corpus' headings.
  private static func statements(below folder: String) throws -> [[UInt8]] {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    return try files.flatMap { file -> [[UInt8]] in
      guard file.hasSuffix(".corpus") || file.hasSuffix(".sql") else { return [] }
      let text = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
      if file.hasSuffix(".sql") {
        return text.split(separator: ";\n").map { Array($0.utf8) }
      }
      return text.split(separator: "=== ").map { part in
        let lines = part.split(separator: "\n").dropFirst()
        return Array(
          lines.map { $0.hasPrefix("> ") ? $0.dropFirst(2) : $0 }.joined(separator: "\n").utf8)
      }
    }
  }
}
