import APIModel

/// Follows the end of the trail: decides what to ask next and which rows of an answer are new.
///
/// The last, unfilled page is read again and again, so that a statement that was running when it
/// was first shown is shown once more when it has ended. A row counts as the same by its agent and
/// the place of its record.
struct FollowedTrail: Sendable {
  static let pageSize = 200

  /// What to ask next.
  private(set) var filter: StatementFilter
  /// The outcome under which each row of the page being filled was shown.
  private var shown: [String: String] = [:]

  /// - Parameter recent: Rows before now, newest first, that are shown to begin with.
  init(filter: StatementFilter, recent: [StatementInfo]) {
    self.filter = filter
    self.filter.order = "oldest"
    self.filter.limit = Self.pageSize
    self.filter.cursor = nil
    // Clocks differ, so the start is told by the trail itself and not by this machine.
    if let oldest = recent.last { self.filter.since = oldest.at }
    for item in recent { shown[Self.key(item)] = item.outcome }
  }

  /// The rows of the answer that were not shown yet, or not with this outcome.
  mutating func take(_ page: Page<StatementInfo>) -> [StatementInfo] {
    let new = page.items.filter { shown[Self.key($0)] != $0.outcome }
    for item in new { shown[Self.key(item)] = item.outcome }
    if page.items.count >= Self.pageSize, let next = page.nextCursor {
      filter.cursor = next
      shown = [:]
    }
    return new
  }

  /// Whether more rows are waiting at the server.
  static func isFull(_ page: Page<StatementInfo>) -> Bool {
    page.items.count >= pageSize && page.nextCursor != nil
  }

  private static func key(_ item: StatementInfo) -> String { "\(item.agent)/\(item.record)" }
}
