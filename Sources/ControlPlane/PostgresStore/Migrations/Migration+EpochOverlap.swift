extension Migration {
  /// Until when a person has accepted that an agent's epochs overlap, in place of a mark at each log
  /// that stood for ever.
  static let epochOverlap = Migration(
    number: 12, name: "epoch overlap",
    sql: """
      ALTER TABLE sallyport.agent
        ADD COLUMN overlap_accepted_at timestamptz,
        ADD COLUMN overlap_accepted_epoch bigint;
      COMMENT ON COLUMN sallyport.agent.overlap_accepted_at IS
        'When a person released the agent: what its epochs wrote until then may overlap.';
      COMMENT ON COLUMN sallyport.agent.overlap_accepted_epoch IS
        'The highest epoch that this was said of.';
      UPDATE sallyport.agent a
        SET overlap_accepted_epoch = c.epoch,
          overlap_accepted_at = greatest(clock_timestamp(), c.last_at)
        FROM (
          SELECT agent, max(epoch) AS epoch, max(last_at) AS last_at
          FROM sallyport.log_cursor GROUP BY agent HAVING bool_or(overlap_accepted)
        ) c WHERE c.agent = a.id;
      ALTER TABLE sallyport.log_cursor DROP COLUMN overlap_accepted;
      """)
}
