import APIModel
import Foundation
import TestSupport
import Testing

/// The fleet witnesses the control plane: what its own log has shown an agent cannot be taken back.
@Suite(.serialized) struct WitnessTests {
  private static func sql(_ fleet: Fleet, _ text: String) async throws -> String {
    try await fleet.cluster.sql(text, database: "sallyport")
  }

  /// The size of the control plane's own log.
  private static func size(_ fleet: Fleet) async throws -> Int {
    let text = try await sql(
      fleet,
      """
      select next_seq from sallyport.log_cursor
      where agent = (select id from sallyport.control_plane)
      """)
    return Int(text) ?? -1
  }

  /// The size of the last checkpoint that the agent has kept.
  private static func known(_ fleet: Fleet) async throws -> Int {
    let read = """
      import sqlite3, glob, sys
      for path in glob.glob(sys.argv[1] + "/*"):
          try:
              row = sqlite3.connect("file:" + path + "?mode=ro", uri=True).execute(
                  "SELECT note FROM control_checkpoint").fetchone()
              print(row[0].decode().split("\\n")[1] if row else -1)
          except sqlite3.Error:
              pass
      """
    let outcome = try await run("python3", ["-c", read, fleet.agent.state])
    return outcome.output.split(separator: "\n").first.flatMap { Int($0) } ?? -1
  }

  /// Gives the agent something to ship, so that it is shown the log.
  private static func ship(_ fleet: Fleet, _ token: String) async throws {
    let outcome = try await fleet.psql("select 1", token: token)
    #expect(outcome.output == "1\n", "\(outcome.errors)")
  }

  private static func conflicts(_ fleet: Fleet) async throws -> Int {
    Int(
      try await sql(
        fleet, "select count(*) from sallyport.record where kind = 'witness.conflict'")) ?? -1
  }

  /// Waits until the agent has said this and its record of it has arrived.
  private static func expectAlarm(
    _ fleet: Fleet, _ token: String, _ text: String, conflicts expected: Int
  ) async throws {
    try await eventually("the alarm: \(text)", within: .seconds(60)) {
      try await ship(fleet, token)
      let health = try await fleet.agent.health()
      return health.body.contains(text) && health.body.contains(#""state":"failing""#)
        && health.status == "200"
    }
    #expect(try await fleet.agent.health("/readyz").status == "200")
    try await eventually("the record of the conflict", within: .seconds(60)) {
      try await conflicts(fleet) >= expected
    }
    // Each conflict once, though every answer shows it.
    for _ in 0..<3 { try await ship(fleet, token) }
    #expect(try await conflicts(fleet) == expected)
    // Shipping goes on.
    try await eventually("the shipping of what came after", within: .seconds(60)) {
      try await fleet.agentInfo().backlogRecords == 0
    }
  }

  /// Keeps the log's cursor and tiles as they are, to be put back.
  private static let keep = """
    create table public.kept_cursor as select * from sallyport.log_cursor
      where agent = (select id from sallyport.control_plane);
    create table public.kept_tile as select * from sallyport.merkle_tile
      where agent = (select id from sallyport.control_plane);
    """

  /// Puts the log back to where it was kept, as a superuser can, so that it is whole in itself.
  private static let putBack = """
    set session_replication_role = replica;
    alter table sallyport.record disable trigger all;
    alter table sallyport.merkle_tile disable trigger all;
    do $$ declare part regclass; begin
      for part in select inhrelid::regclass from pg_inherits
        where inhparent = 'sallyport.record'::regclass loop
        execute format('alter table %s disable trigger all', part);
      end loop;
    end $$;
    delete from sallyport.record where agent = (select id from sallyport.control_plane)
      and seq >= (select next_seq from public.kept_cursor);
    delete from sallyport.control_entry
      where seq >= (select next_seq from public.kept_cursor);
    delete from sallyport.merkle_tile where agent = (select id from sallyport.control_plane);
    insert into sallyport.merkle_tile select * from public.kept_tile;
    delete from sallyport.log_cursor where agent = (select id from sallyport.control_plane);
    insert into sallyport.log_cursor select * from public.kept_cursor;
    -- Nothing of the agents' logs goes into it by itself from here on.
    insert into sallyport.witnessed_log select agent, epoch, lane, 1000000000000
      from sallyport.log_cursor on conflict (agent, epoch, lane) do update set size = excluded.size;
    """

  private static func acceptOutcome(_ fleet: Fleet) async throws -> Outcome {
    try await run(
      Fleet.program("sallyport-agent"),
      ["accept-control-log", "--state", fleet.agent.state, "--reason", "put back by the test"])
  }

  /// Accepts the log that is there now, and waits until the agent trusts it.
  private static func accept(_ fleet: Fleet, _ token: String) async throws {
    let outcome = try await acceptOutcome(fleet)
    #expect(outcome.succeeded, "\(outcome.errors)")
    let trusted = try await known(fleet)
    #expect(outcome.output.contains("last head trusted:   \(trusted) records, root "))
    #expect(outcome.output.contains("the next head that the agent is shown"))
    try await eventually("the log is trusted again", within: .seconds(60)) {
      try await ship(fleet, token)
      return try await !fleet.agent.health().body.contains("failing")
    }
    let again = try await acceptOutcome(fleet)
    #expect(again.exit == .code(78))
    #expect(again.errors.contains("nothing to accept"))
    try await eventually("the record of the acceptance", within: .seconds(60)) {
      try await conflicts(fleet) == 4
    }
  }

  @Test func `a changed log of the control plane is found by the agent`() async throws {
    let fleet = try await Fleet()
    let token = try await fleet.token("carol@example.com", groups: "analysts")

    // Honest growth.
    try await Self.ship(fleet, token)
    try await eventually("the first accepted checkpoint", within: .seconds(60)) {
      try await Self.ship(fleet, token)
      return try await Self.known(fleet) > 0
    }
    let acts = try await fleet.cli(["audit", "control", "--all", "--format", "jsonl"])
    for action in ["agent.invite", "agent.enrol", "connection.add", "grant.add", "bundle.issue"] {
      #expect(acts.contains(#""action":"\#(action)""#), "\(action)")
    }
    for secret in [token, Fleet.readonlyPassword, Fleet.appPassword] {
      #expect(!acts.contains(secret))
    }
    let kept = fleet.folder.file("kept.checkpoint")
    try await fleet.folder.write(fleet.cli(["audit", "checkpoint"]), to: "kept.checkpoint")
    _ = try await Self.sql(fleet, Self.keep)
    let before = try await Self.size(fleet)
    for _ in 0..<4 { try await fleet.cli(["audit", "query", "--limit", "1"]) }
    try await fleet.cli(["audit", "checkpoint", "--check", kept])
    try await eventually("a later accepted checkpoint", within: .seconds(60)) {
      try await Self.ship(fleet, token)
      return try await Self.known(fleet) >= before + 4
    }
    #expect(try await Self.conflicts(fleet) == 0)
    #expect(try await !fleet.agent.health().body.contains("failing"))

    // Shortened: its tail is gone.
    _ = try await fleet.control.stop()
    let known = try await Self.known(fleet)
    _ = try await Self.sql(fleet, Self.putBack)
    #expect(try await Self.size(fleet) == before)
    try await fleet.control.start()
    try await Self.expectAlarm(fleet, token, "is shorter than it was", conflicts: 1)
    #expect(try await Self.known(fleet) == known)

    // Another history of the same length.
    while try await Self.size(fleet) < known {
      try await fleet.cli(["audit", "query", "--limit", "2"])
    }
    #expect(try await Self.size(fleet) == known)
    try await Self.expectAlarm(fleet, token, "has other records than it had", conflicts: 2)

    // Another history that has grown longer.
    try await fleet.cli(["audit", "query", "--limit", "2"])
    try await Self.expectAlarm(
      fleet, token, "does not begin with the records that it had", conflicts: 3)

    // A person on the agent's host accepts it, while the agent runs.
    try await Self.accept(fleet, token)
    #expect(try await Self.known(fleet) > known)
    #expect(try await Self.conflicts(fleet) == 4, "the acceptance is recorded like a conflict")
    let accepted = try await Self.known(fleet)

    // Another key.
    _ = try await fleet.control.stop()
    _ = try await Self.sql(
      fleet, "delete from sallyport.sealed_secret where name = 'audit-key'")
    try await fleet.control.start()
    try await fleet.cli(["audit", "query", "--limit", "2"])
    try await Self.expectAlarm(
      fleet, token, "is not signed with the key that the agent was enrolled with", conflicts: 5)
    let refused = try await Self.acceptOutcome(fleet)
    #expect(refused.exit == .code(78))
    #expect(refused.errors.contains("signed with another key"))
    let outcome = try await fleet.control.cliOutcome(["audit", "checkpoint", "--check", kept])
    #expect(!outcome.succeeded)
    #expect(outcome.errors.contains("the control plane's own log was changed"))

    // An agent that starts anew holds on to what it knew.
    _ = try await fleet.agent.stop()
    try await fleet.agent.start()
    try await eventually("the alarm after a restart", within: .seconds(60)) {
      try await Self.ship(fleet, token)
      return try await fleet.agent.health().body.contains("enrolled with")
    }
    // What it had accepted when the log was last well; it may have grown since that was looked at.
    #expect(try await Self.known(fleet) >= accepted)
  }
}
