extension Migration {
  /// The control plane's own log: its name, a listing of its entries, and what it has seen of the
  /// agents' logs. Its records, cursor and tiles stand where those of all logs stand.
  static let controlLog = Migration(
    number: 10, name: "control log",
    sql: """
      CREATE TABLE sallyport.control_plane (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        id uuid NOT NULL
      );
      COMMENT ON TABLE sallyport.control_plane IS
        'What names this installation as the writer of its own log.';
      INSERT INTO sallyport.control_plane (id) VALUES (gen_random_uuid());

      CREATE TABLE sallyport.control_entry (
        seq bigint PRIMARY KEY,
        at timestamptz NOT NULL,
        action text NOT NULL,
        subject text NOT NULL,
        detail text NOT NULL,
        refusal text NOT NULL,
        caller_token text NOT NULL,
        caller_name text NOT NULL,
        caller_role text NOT NULL,
        caller_address text NOT NULL
      );
      COMMENT ON TABLE sallyport.control_entry IS
        'What is read out of the records of the control plane''s own log; could be made again.';
      CREATE INDEX control_entry_by_time ON sallyport.control_entry (at);
      CREATE INDEX control_entry_by_action ON sallyport.control_entry (action, seq);
      CREATE INDEX control_entry_by_caller ON sallyport.control_entry (caller_name, seq);

      CREATE TABLE sallyport.witnessed_log (
        agent uuid NOT NULL,
        epoch bigint NOT NULL,
        lane bigint NOT NULL,
        size bigint NOT NULL,
        PRIMARY KEY (agent, epoch, lane)
      );
      COMMENT ON TABLE sallyport.witnessed_log IS
        'How long each agent''s log was when the control plane''s own log took its head last.';

      CREATE TABLE sallyport.told_equivocation (
        number bigint PRIMARY KEY REFERENCES sallyport.equivocation
      );
      COMMENT ON TABLE sallyport.told_equivocation IS
        'The equivocations that stand in the control plane''s own log.';

      CREATE VIEW sallyport.control_acts AS
        SELECT seq, at, action, subject, detail, refusal, caller_token, caller_name, caller_role,
          caller_address
        FROM sallyport.control_entry;
      """)
}
