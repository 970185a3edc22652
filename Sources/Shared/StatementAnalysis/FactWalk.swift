internal import GatewayModel

/// Goes through a parse tree once and gathers commands, tables and effects.
struct FactWalk {
  private let tree: ParseTree
  private(set) var commands: [String] = []
  private(set) var tables: [TableName] = []
  private(set) var effects: Set<StatementEffect> = []
  private var seenTables: Set<TableName> = []

  init(tree: ParseTree) { self.tree = tree }

  mutating func run() {
    for index in tree.nodes.indices where tree.nodes[index].kind == .object {
      if let command = CommandFacts(tree, at: index) {
        if !commands.contains(command.name) { commands.append(command.name) }
        effects.formUnion(command.effects)
        for name in command.droppedTables { add(name) }
      }
      if tree.has("lockingClause", tree.nodes[index].parent) { effects.insert(.lock) }
      takeTable(index)
    }
  }

  private mutating func takeTable(_ index: Int) {
    guard let name = tree.text("relname", of: index), !isListed(index, "lockedRels") else {
      return
    }
    let schema = tree.text("schemaname", of: index)
    // What is read is wrapped in its type; what is written stands right under its key.
    let isRead =
      tree.has("RangeVar", index) && !isListed(index, "relations") && !isListed(index, "objects")
    guard let schema else {
      if isRead, isCommonTable(name, at: index) { return }
      if isRead { effects.insert(.read) }
      return add(TableName(parts: [name]))
    }
    if isRead { effects.insert(.read) }
    add(TableName(parts: [tree.text("catalogname", of: index), schema, name].compactMap(\.self)))
  }

  /// Whether the table stands in a list of some key: TRUNCATE, LOCK and GRANT name what they are
  /// about in one, and FOR UPDATE OF names aliases.
  private func isListed(_ index: Int, _ key: StaticString) -> Bool {
    let wrapper = tree.nodes[index].parent
    guard wrapper >= 0 else { return false }
    let list = tree.nodes[wrapper].parent
    return list >= 0 && tree.has(key, list)
  }

  private mutating func add(_ name: TableName) {
    guard tables.count < StatementAnalysis.maximumTables, seenTables.insert(name).inserted else {
      return
    }
    tables.append(name)
  }

  /// Whether a name without a schema is that of a common table expression where it stands: of a
  /// WITH clause around it, or of one before its own in the clause it stands in, or of any of a
  /// recursive one.
  private func isCommonTable(_ name: String, at index: Int) -> Bool {
    var inner = index
    var outer = tree.nodes[index].parent
    var ownClause: Int?
    while outer >= 0 {
      if tree.has("withClause", inner) { ownClause = inner }
      if tree.nodes[outer].kind == .object, let clause = tree.child("withClause", of: outer),
        tree.nodes[clause].kind == .object,
        let list = tree.child("ctes", of: clause)
      {
        let isRecursive = tree.flag("recursive", of: clause)
        for entry in tree.children(of: list) {
          // Inside the clause only what was named before it is visible.
          if ownClause == clause, !isRecursive, tree.nodes[entry].end > index { break }
          if let content = tree.children(of: entry).first,
            tree.text("ctename", of: content) == name
          {
            return true
          }
        }
      }
      inner = outer
      outer = tree.nodes[outer].parent
    }
    return false
  }
}
