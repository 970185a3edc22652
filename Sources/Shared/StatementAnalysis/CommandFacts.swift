internal import GatewayModel

/// What one node of a parse tree says as a command; `nil` for a node that is none.
struct CommandFacts {
  let name: String
  let effects: Set<StatementEffect>
  /// The relations that a DROP names, which stand in lists of words.
  private(set) var droppedTables: [TableName] = []

  init?(_ tree: ParseTree, at index: Int) {
    let key = tree.key(of: index)
    guard key.hasSuffix("Stmt"), key.first?.isUppercase == true, key != "RawStmt" else {
      return nil
    }
    switch key {
    case "SelectStmt":
      guard Self.isWhole(tree, index) else { return nil }
      let makesTable = tree.child("intoClause", of: index) != nil
      self.init(
        makesTable ? "SELECT INTO" : "SELECT", makesTable ? [.read, .write, .ddl] : [.read])
    case "CopyStmt":
      self.init("COPY", tree.flag("is_from", of: index) ? [.write] : [.read])
    case "TransactionStmt":
      let kind = tree.text("kind", of: index) ?? ""
      self.init(Self.words(kind, dropping: "TRANS_STMT_"), [.transaction])
    case "DropStmt":
      let type = tree.text("removeType", of: index) ?? ""
      self.init("DROP \(Self.words(type, dropping: "OBJECT_"))", [.ddl])
      if ["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"].contains(type) {
        droppedTables = Self.listedNames(tree, index)
      }
    case "AlterTableStmt": self.init(Self.altered(tree, "objtype", index), [.ddl])
    case "RenameStmt": self.init(Self.altered(tree, "renameType", index), [.ddl])
    case "AlterObjectSchemaStmt": self.init(Self.altered(tree, "objectType", index), [.ddl])
    case "AlterOwnerStmt":
      self.init(Self.altered(tree, "objectType", index), [.ddl, .privilege])
    case "CreateTableAsStmt":
      let isView = tree.text("objtype", of: index) == "OBJECT_MATVIEW"
      self.init(
        isView ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS", [.ddl, .write, .read])
    case "CreateFunctionStmt":
      self.init(
        tree.flag("is_procedure", of: index) ? "CREATE PROCEDURE" : "CREATE FUNCTION", [.ddl])
    case "DefineStmt":
      let kind = tree.text("kind", of: index) ?? ""
      self.init("CREATE \(Self.words(kind, dropping: "OBJECT_"))", [.ddl])
    case "GrantStmt":
      self.init(tree.flag("is_grant", of: index) ? "GRANT" : "REVOKE", [.privilege])
    case "GrantRoleStmt":
      self.init(tree.flag("is_grant", of: index) ? "GRANT ROLE" : "REVOKE ROLE", [.privilege])
    case "VariableSetStmt":
      let kind = tree.text("kind", of: index) ?? ""
      self.init(kind.hasPrefix("VAR_RESET") ? "RESET" : "SET", [.setting])
    case "FetchStmt":
      self.init(tree.flag("ismove", of: index) ? "MOVE" : "FETCH", [.read])
    case "VacuumStmt":
      self.init(tree.flag("is_vacuumcmd", of: index) ? "VACUUM" : "ANALYZE", [.maintenance])
    default:
      if let (name, effects) = Self.plain[key] {
        self.init(name, effects)
      } else {
        self.init(Self.spoken(key), [.ddl])
      }
    }
  }

  private init(_ name: String, _ effects: Set<StatementEffect>) {
    self.name = name
    self.effects = effects
  }

  /// Statements whose name does not follow from that of their node, or that change no schema.
  private static let plain: [String: (String, Set<StatementEffect>)] = [
    "InsertStmt": ("INSERT", [.write]), "UpdateStmt": ("UPDATE", [.write]),
    "DeleteStmt": ("DELETE", [.write]), "MergeStmt": ("MERGE", [.write]),
    "TruncateStmt": ("TRUNCATE TABLE", [.write]),
    "RefreshMatViewStmt": ("REFRESH MATERIALIZED VIEW", [.write]),
    "CreateStmt": ("CREATE TABLE", [.ddl]), "IndexStmt": ("CREATE INDEX", [.ddl]),
    "RuleStmt": ("CREATE RULE", [.ddl]), "ViewStmt": ("CREATE VIEW", [.ddl]),
    "CreateTrigStmt": ("CREATE TRIGGER", [.ddl]), "CreateSeqStmt": ("CREATE SEQUENCE", [.ddl]),
    "AlterSeqStmt": ("ALTER SEQUENCE", [.ddl]), "CompositeTypeStmt": ("CREATE TYPE", [.ddl]),
    "CreateEnumStmt": ("CREATE TYPE", [.ddl]), "CreateRangeStmt": ("CREATE TYPE", [.ddl]),
    "AlterEnumStmt": ("ALTER TYPE", [.ddl]), "CreatedbStmt": ("CREATE DATABASE", [.ddl]),
    "DropdbStmt": ("DROP DATABASE", [.ddl]), "CommentStmt": ("COMMENT", [.ddl]),
    "SecLabelStmt": ("SECURITY LABEL", [.privilege]),
    "CreateRoleStmt": ("CREATE ROLE", [.privilege]),
    "AlterRoleStmt": ("ALTER ROLE", [.privilege]),
    "AlterRoleSetStmt": ("ALTER ROLE", [.privilege]),
    "DropRoleStmt": ("DROP ROLE", [.privilege]),
    "ReassignOwnedStmt": ("REASSIGN OWNED", [.privilege]),
    "DropOwnedStmt": ("DROP OWNED", [.ddl, .privilege]),
    "CreatePolicyStmt": ("CREATE POLICY", [.ddl, .privilege]),
    "AlterPolicyStmt": ("ALTER POLICY", [.ddl, .privilege]),
    "AlterDefaultPrivilegesStmt": ("ALTER DEFAULT PRIVILEGES", [.privilege]),
    "AlterSystemStmt": ("ALTER SYSTEM", [.privilege]),
    "CallStmt": ("CALL", [.unknown]), "DoStmt": ("DO", [.unknown]),
    "ExecuteStmt": ("EXECUTE", [.unknown]), "LoadStmt": ("LOAD", [.unknown]),
    "PrepareStmt": ("PREPARE", [.setting]), "DeallocateStmt": ("DEALLOCATE", [.setting]),
    "DeclareCursorStmt": ("DECLARE CURSOR", [.setting]),
    "ClosePortalStmt": ("CLOSE CURSOR", [.setting]), "VariableShowStmt": ("SHOW", [.setting]),
    "DiscardStmt": ("DISCARD", [.setting]), "ConstraintsSetStmt": ("SET CONSTRAINTS", [.setting]),
    "NotifyStmt": ("NOTIFY", [.setting]), "ListenStmt": ("LISTEN", [.setting]),
    "UnlistenStmt": ("UNLISTEN", [.setting]), "ExplainStmt": ("EXPLAIN", [.read]),
    "LockStmt": ("LOCK TABLE", [.lock]), "ClusterStmt": ("CLUSTER", [.maintenance]),
    "ReindexStmt": ("REINDEX", [.maintenance]), "CheckPointStmt": ("CHECKPOINT", [.maintenance]),
  ]

  /// Whether a SELECT is a statement, or what EXPLAIN, PREPARE or a cursor runs; one inside another
  /// command is a part of that.
  private static func isWhole(_ tree: ParseTree, _ index: Int) -> Bool {
    let holder = tree.nodes[index].parent
    guard holder >= 0 else { return false }
    if tree.has("stmt", holder) { return true }
    guard tree.has("query", holder), tree.nodes[holder].parent >= 0 else { return false }
    let owner = tree.key(of: tree.nodes[holder].parent)
    return ["ExplainStmt", "PrepareStmt", "DeclareCursorStmt", "CopyStmt"].contains(owner)
  }

  private static func altered(_ tree: ParseTree, _ key: StaticString, _ index: Int) -> String {
    "ALTER \(words(tree.text(key, of: index) ?? "", dropping: "OBJECT_"))"
  }

  /// `OBJECT_FOREIGN_TABLE` without its prefix and in words.
  private static func words(_ constant: String, dropping prefix: String) -> String {
    let rest = constant.hasPrefix(prefix) ? constant.dropFirst(prefix.count) : constant[...]
    switch rest {
    case "MATVIEW": return "MATERIALIZED VIEW"
    case "TABCONSTRAINT", "COLUMN": return "TABLE"
    default: return String(rest.replacing("_", with: " "))
    }
  }

  /// `CreateForeignTableStmt` as `CREATE FOREIGN TABLE`.
  private static func spoken(_ key: String) -> String {
    var name = ""
    for character in key.dropLast(4) {
      if character.isUppercase, !name.isEmpty { name += " " }
      name += character.uppercased()
    }
    return name
  }

  private static func listedNames(_ tree: ParseTree, _ index: Int) -> [TableName] {
    guard let objects = tree.child("objects", of: index) else { return [] }
    return tree.children(of: objects).compactMap { object in
      guard let list = tree.child("List", of: object), let items = tree.child("items", of: list)
      else { return nil }
      let parts = tree.children(of: items).compactMap { item in
        tree.child("String", of: item).flatMap { tree.text("sval", of: $0) }
      }
      return parts.isEmpty ? nil : TableName(parts: parts)
    }
  }
}
