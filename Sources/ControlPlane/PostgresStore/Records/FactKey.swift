internal import ControlCore
internal import GatewayModel

/// What stands in `sallyport.statement_facts.keys`: all that texts are found by, in one index.
enum FactKey {
  static func table(_ name: TableName) -> String { "t:\(name)" }
  static func command(_ command: String) -> String { "c:\(command)" }
  /// All keys of a text, each once: a table also without its schema, a command also by its first
  /// word.
  static func all(of facts: StatementFacts) -> [String] {
    var keys = Set(facts.effects.effects.map(effect))
    for name in facts.tables.map(\.name) { keys.formUnion([table(name), table(name.bare)]) }
    for name in facts.commands {
      keys.formUnion([command(name), command(String(name.prefix { $0 != " " }))])
    }
    return keys.sorted()
  }

  static func effect(_ effect: StatementEffect) -> String { "e:\(effect.rawValue)" }
}

/// Patterns of LIKE.
enum LikePattern {
  /// One that matches each text that has `word` in it.
  static func containing(_ word: String) -> String {
    let escaped = word.map { character in
      "%_\\".contains(character) ? "\\\(character)" : "\(character)"
    }.joined()
    return "%\(escaped)%"
  }
}
