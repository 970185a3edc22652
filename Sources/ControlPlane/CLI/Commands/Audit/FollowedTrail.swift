import APIModel

/// Follows the end of the trail: what to ask next, and which rows of an answer are new.
///
/// The API gives rows `oldest` first in the order in which they were settled, each once, and a
/// cursor on every page to go on from.
struct FollowedTrail: Sendable {
  static let pageSize = 200
  /// How long an answer may wait for a first row, in seconds.
  static let patience = 20

  /// What to ask next.
  private(set) var filter: StatementFilter
  /// Rows that were shown before the cursor's first answer, by agent and place of the record.
  private let shown: Set<String>

  /// - Parameters:
  ///   - cursor: Where to begin; `nil` begins with the filter's first row.
  ///   - recent: Rows that are shown already. Those still unsettled come again when they end.
  init(filter: StatementFilter, after cursor: String?, recent: [StatementInfo]) {
    self.filter = filter
    self.filter.order = "oldest"
    self.filter.limit = Self.pageSize
    self.filter.cursor = cursor
    if cursor != nil { self.filter.wait = Self.patience }
    shown = Set(recent.filter { $0.outcome != "unknown" }.map(Self.key))
  }

  /// The question whose answer has no rows, and the cursor of the trail's end.
  static let end = StatementFilter(since: "2200-01-01T00:00:00Z", order: "oldest", limit: 1)

  /// The rows of the answer that were not shown yet.
  mutating func take(_ page: Page<StatementInfo>) -> [StatementInfo] {
    if let next = page.nextCursor {
      filter.cursor = next
      filter.wait = Self.patience
    }
    return page.items.filter { !shown.contains(Self.key($0)) }
  }

  private static func key(_ item: StatementInfo) -> String { "\(item.agent)/\(item.record)" }
}
