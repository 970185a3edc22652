package import APIModel
package import ControlCore
import Foundation
internal import GatewayModel

extension PostgresStore {
  /// The most bytes of SQL text in one page; at least one row is given all the same.
  static let maximumPageTextBytes = 64 << 20

  /// One page of the trail.
  ///
  /// Newest first, by the agents' clocks: settled and pending statements, refusals.
  ///
  /// Oldest first, in the order in which statements were settled: what a follower has read stays as
  /// it is, and nothing is ever put before it (``TrailHorizon``). Pending statements are not in it;
  /// each comes when it ends, and again, with its outcome, if it was given up too early
  /// (``takeSettledEarly(_:_:_:)``). The cursor is there on every page, also the last: to go on
  /// from.
  package func statements(
    _ query: StatementQuery
  ) async throws(ControlError) -> Page<StatementInfo> {
    try await transact("searching the audit trail") { session in
      switch query.order {
      case .newest: try Self.newest(query, session)
      case .oldest: try Self.oldest(query, session)
      }
    }
  }

  package func trailEnd() async throws(ControlError) -> Int64 {
    try await transact("looking for news of the audit trail") { session in
      try TrailHorizon.read(session)
    }
  }

  private static func newest(
    _ query: StatementQuery, _ session: PostgresSession
  ) throws -> Page<StatementInfo> {
    var search = StatementSearch(query)
    if let text = query.cursor {
      guard case .newest(let at, let log, let seq) = try TrailCursor(text: text) else {
        throw TrailCursor.unusable(text)
      }
      search.add(
        "s.at, s.agent, s.epoch, s.lane, s.seq", "<",
        [
          .time(at), .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)),
          .number(seq),
        ])
    }
    let rows = try rows(
      of: ["sallyport.statement", "sallyport.pending_statement"], search,
      order: "at DESC, agent DESC, epoch DESC, lane DESC, seq DESC", limit: query.limit + 1,
      session)
    let shown = try page(Array(rows.prefix(query.limit)), session)
    let cursor = shown.count < rows.count ? shown.last?.newestCursor.text : nil
    return Page(items: shown.map(\.info), nextCursor: cursor)
  }

  private static func oldest(
    _ query: StatementQuery, _ session: PostgresSession
  ) throws -> Page<StatementInfo> {
    var search = StatementSearch(query)
    // Before the rows are read; see TrailHorizon.
    let horizon = try TrailHorizon.read(session)
    search.add("s.position <= ", .integer(horizon))
    var end = TrailCursor.oldest(position: horizon, ordinal: .max)
    if let text = query.cursor {
      guard case .oldest(let position, let ordinal) = try TrailCursor(text: text) else {
        throw TrailCursor.unusable(text)
      }
      // A batch that read the sequence before another drew may take its lock after that one has
      // committed; the horizon is then behind an earlier one. A cursor never goes back: its rows
      // would come twice.
      if position > horizon { end = .oldest(position: position, ordinal: ordinal) }
      search.add(
        "s.position, s.ordinal", ">", [.integer(position), .integer(ordinal)])
    } else if let since = query.since, let first = try firstPosition(since: since, session) {
      search.add("s.position >= ", .integer(first))
    }
    let rows = try rows(
      of: ["sallyport.statement"], search, order: "position, ordinal", limit: query.limit + 1,
      session)
    let shown = try page(Array(rows.prefix(query.limit)), session)
    let last = shown.last?.oldestCursor.text
    // With no more rows the cursor moves to the horizon, so that the next look begins there.
    let isLast = shown.count == rows.count
    return Page(items: shown.map(\.info), nextCursor: isLast ? end.text : last)
  }

  /// The lowest position of the rows since a time, when there are few enough to look at; it spares
  /// the walk through all positions before. `nil` when there are too many to tell.
  private static func firstPosition(
    since: WallTime, _ session: PostgresSession
  ) throws(PostgresError) -> Int64? {
    let enough: Int64 = 20_000
    let found = try session.row(
      """
      SELECT min(position), count(*) FROM (
        SELECT position FROM sallyport.statement WHERE at >= $1 ORDER BY at LIMIT $2
      ) s
      """, [.time(since), .integer(enough)]
    ) { row throws(PostgresError) in
      (lowest: try row.optionalInteger(), count: try row.integer())
    }
    guard let found, found.count < enough else { return nil }
    return found.lowest
  }
}
