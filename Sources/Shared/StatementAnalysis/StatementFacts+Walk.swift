internal import CStatementWalk
internal import GatewayModel

extension StatementFacts {
  /// Copies what a walk found.
  init(_ walked: csw_facts) {
    self.init(
      commands: Self.commands(of: walked), effects: StatementEffects(rawValue: walked.effects),
      opacity: Opacity(walked: walked.opacity), isUnfiltered: walked.is_unfiltered,
      isOpenEnded: walked.is_open_ended)
    reserve(walked)
    for name in UnsafeBufferPointer(start: walked.names, count: Int(walked.name_count)) {
      take(name)
    }
  }

  private mutating func reserve(_ walked: csw_facts) {
    let counts = walked.counts
    let tableCount = counts.0 + counts.1 + counts.2
    if tableCount > 0 { tables.reserveCapacity(Int(tableCount)) }
    if counts.3 > 0 { columns.reserveCapacity(Int(counts.3)) }
    if counts.4 + counts.5 > 0 { functions.reserveCapacity(Int(counts.4 + counts.5)) }
  }

  private mutating func take(_ name: csw_name) {
    switch Int(name.kind) {
    case CSW_TABLE_READ: take(name, .read)
    case CSW_TABLE_WRITE: take(name, .write)
    case CSW_TABLE_OTHER: take(name, .other)
    case CSW_COLUMN: columns.append(ColumnName(parts: Self.parts(of: name)))
    case CSW_FUNCTION_KNOWN, CSW_FUNCTION_OTHER:
      functions.append(
        FunctionName(
          parts: Self.parts(of: name), effects: StatementEffects(rawValue: name.effects)))
    case CSW_SET_NAME: settings.append(contentsOf: Self.parts(of: name))
    default: break
    }
  }

  private mutating func take(_ name: csw_name, _ access: TableUse.Access) {
    tables.append(TableUse(name: TableName(parts: Self.parts(of: name)), access: access))
  }

  private static func commands(of walked: csw_facts) -> [String] {
    withUnsafeBytes(of: walked.commands) { bytes in
      let names = bytes.bindMemory(to: UnsafePointer<CChar>.self)
      return names.prefix(Int(walked.command_count)).map { String(cString: $0) }
    }
  }

  private static func parts(of name: csw_name) -> [String] {
    let (first, second, third, fourth) = name.parts
    switch name.count {
    case 1: return [text(first)]
    case 2: return [text(first), text(second)]
    case 3: return [text(first), text(second), text(third)]
    default: return [text(first), text(second), text(third), text(fourth)]
    }
  }

  private static func text(_ words: UnsafePointer<CChar>?) -> String {
    words.map { String(cString: $0) } ?? ""
  }
}

extension StatementFacts.Opacity {
  /// - Parameter walked: As CStatementWalk numbers them; `nil` for none.
  init?(walked: UInt8) {
    switch Int(walked) {
    case CSW_UNPARSEABLE: self = .unparseable
    case CSW_TOO_LONG: self = .tooLong
    case CSW_TOO_DEEP: self = .tooDeep
    case CSW_TOO_MANY: self = .tooMany
    case CSW_ENCODING: self = .encoding
    case CSW_CODE: self = .code
    case CSW_PREPARED: self = .prepared
    default: return nil
    }
  }
}
