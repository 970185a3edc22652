import CStatementWalk
import GatewayModel
import StatementAnalysis
import TestSupport
import Testing

/// The table of PostgreSQL's own functions is that of a real server.
@Suite struct KnownFunctionsTests {
  private static var table: [String: UInt16] {
    var table: [String: UInt16] = [:]
    for index in 0..<csw_known_function_count() {
      table[String(cString: csw_known_function_name(index))] = csw_known_function_effect(index)
    }
    return table
  }

  @Test func theTableIsSorted() {
    let names = (0..<csw_known_function_count()).map {
      Array(String(cString: csw_known_function_name($0)).utf8)
    }
    #expect(zip(names, names.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
    #expect(names.count > 2000)
  }

  @Test func theTableIsTheServers() async throws {
    let cluster = try await PostgresCluster()
    let rows = try await cluster.sql(
      """
      SELECT proname, bool_or(provolatile = 'v'), bool_and('internal'::regtype = ANY (proargtypes))
      FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY proname
      """
    ).split(separator: "\n").map { $0.split(separator: "|") }
    let table = Self.table
    let server = Set(rows.map { String($0[0]) })
    #expect(Set(table.keys).subtracting(server) == [])
    // They are not volatile, and read what no text names.
    let hidden = ["table_to_xml", "schema_to_xml", "database_to_xml"].flatMap {
      [$0, "\($0)schema", "\($0)_and_xmlschema"]
    }
    for row in rows {
      let (name, isVolatile, isInternal) = (String(row[0]), row[1] == "t", row[2] == "t")
      let effect = table[name]
      if !isVolatile, !isInternal, !hidden.contains(name) {
        #expect(effect == 0, "\(name) is not volatile")
      }
      if hidden.contains(name) || isInternal, !isVolatile { #expect(effect == nil, "\(name)") }
      let facts = StatementAnalysis.facts(of: "SELECT \"\(name)\"()")
      #expect(
        facts.effects == StatementEffects(rawValue: effect ?? 64).union(.read)
          || name == "set_config")
      #expect(facts.functions.map(\.isKnown) == [effect != nil], "\(name)")
    }
    // Classified by hand: each more has to be looked at.
    let volatileAndHarmless = rows.filter { $0[1] == "t" && table[String($0[0])] == 0 }
    #expect(volatileAndHarmless.count == 79)
  }
}
