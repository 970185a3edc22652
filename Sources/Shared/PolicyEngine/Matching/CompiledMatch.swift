internal import GatewayModel

/// A match as statements are judged by it.
///
/// A class, and not the match itself: that has fifteen lists, which a call on it would take hold of and
/// let go one by one for every rule and statement.
final class CompiledMatch: Sendable {
  let effects: StatementEffects
  let opaque: Bool?
  let unfiltered: Bool?
  let commands: [CommandPattern]
  let tables: [TablePattern]
  let reads: [TablePattern]
  let writes: [TablePattern]
  let columns: [ColumnPattern]
  let functions: [TablePattern]
  let settings: [SettingPattern]
  let times: [TimeWindow]
  /// Functions that are trusted with what they read.
  let readers: [TablePattern]

  init(_ match: StatementMatch, trusting readers: [TablePattern]) {
    self.readers = readers
    effects = match.effects
    opaque = match.opaque
    unfiltered = match.unfiltered
    commands = match.commands
    tables = match.tables
    reads = match.reads
    writes = match.writes
    columns = match.columns
    functions = match.functions
    settings = match.settings
    times = match.times
  }
}
