import Foundation
import TestSupport
import Testing

/// Every record arrives once and in order, whatever is killed.
@Suite(.serialized) struct ShippingTests {
  /// Runs single inserts with numbers of their own through the agent until it is ended.
  private func load(
    _ fleet: Fleet, token: String, clients: Int = 4, seconds: Int = 120
  ) async throws -> ChildProcess {
    let script = try fleet.folder.write(
      """
      \\set n random(1, 1000000000000)
      insert into marks values (:n);
      """, to: "marks-\(UInt32.random(in: 0 ... .max)).sql")
    return try ChildProcess(
      "pgbench", ["-n", "-c", "\(clients)", "-T", "\(seconds)", "-f", script, "shop-app"],
      environment: fleet.clientEnvironment(
        token: token, connection: "shop-app", user: "bob@example.com"))
  }

  private func token(_ fleet: Fleet) async throws -> String {
    try await fleet.token("bob@example.com", groups: "developers", connections: ["shop-app"])
  }

  private func marks(_ fleet: Fleet) async throws -> Int {
    Int(try await fleet.cluster.sql("select count(*) from marks", database: "shop")) ?? -1
  }

  /// Waits until the agent has nothing left to ship.
  private func waitForEmptyBacklog(_ fleet: Fleet) async throws {
    try await eventually("the shipping of the backlog", within: .seconds(60)) {
      let sent = try await fleet.agentInfo().backlogRecords == 0
      let first = try await Self.stored(fleet)
      let second = try await Self.stored(fleet)
      return sent && first == second
    }
  }

  private static func stored(_ fleet: Fleet) async throws -> String {
    try await fleet.cluster.sql("select count(*) from sallyport.record", database: "sallyport")
  }

  /// What the database did is in the trail, and each log is whole: no gap, nothing twice.
  private func expectComplete(_ fleet: Fleet) async throws {
    try await eventually("every executed insert in the trail", within: .seconds(60)) {
      try await missing(fleet).isEmpty
    }
    let gaps = try await fleet.cluster.sql(
      """
      select agent, epoch, lane, min(seq), max(seq), count(*) from sallyport.record
      group by agent, epoch, lane having count(*) <> max(seq) + 1 or min(seq) <> 0
      """, database: "sallyport")
    #expect(gaps.isEmpty, "logs with gaps: \(gaps)")
    let disordered = try await fleet.cluster.sql(
      """
      select count(*) from (
        select received_at < lag(received_at) over (partition by agent, epoch, lane order by seq)
          as back from sallyport.record) as steps where back
      """, database: "sallyport")
    #expect(disordered == "0")
    let twice = try await fleet.cluster.sql(
      """
      select count(*) from (select session, statement from sallyport.record
        where kind = 'statement.begin' group by session, statement having count(*) > 1) as doubled
      """, database: "sallyport")
    #expect(twice == "0")
  }

  /// The numbers that are in the table but not in the recorded SQL.
  private func missing(_ fleet: Fleet) async throws -> Set<Substring> {
    let rows = try await fleet.cluster.sql("select n from marks", database: "shop")
    let recorded = try await fleet.cluster.sql(
      """
      select distinct substring(t.text from 'values \\(([0-9]+)\\)')
      from sallyport.statement s join sallyport.statement_text t using (digest)
      where t.text like 'insert into marks%'
      """, database: "sallyport")
    return Set(rows.split(separator: "\n")).subtracting(recorded.split(separator: "\n"))
  }

  @Test func agentKilledUnderLoad() async throws {
    let fleet = try await Fleet()
    let token = try await token(fleet)
    for round in 1...3 {
      let client = try await load(fleet, token: token)
      let goal = round * 300
      try await eventually("\(goal) inserts") { try await marks(fleet) >= goal }
      try await fleet.agent.kill()
      _ = try await client.wait(within: .seconds(30))
      try await fleet.agent.start()
    }
    try await waitForEmptyBacklog(fleet)
    try await expectComplete(fleet)
  }

  @Test func controlPlaneKilledUnderLoad() async throws {
    let fleet = try await Fleet()
    let client = try await load(fleet, token: token(fleet))
    for round in 1...3 {
      let goal = round * 300
      try await eventually("\(goal) inserts") { try await marks(fleet) >= goal }
      try await fleet.control.kill()
      do {
        try await eventually("inserts without a control plane") {
          try await marks(fleet) >= goal + 150
        }
      } catch {
        let log = fleet.agent.log.split(separator: "\n").suffix(20).joined(separator: "\n")
        throw TestFailure("\(error)\npgbench: \(client.output)\(client.errors)\nagent: \(log)")
      }
      try await fleet.control.start()
    }
    try await client.terminate()
    try await waitForEmptyBacklog(fleet)
    try await expectComplete(fleet)
  }

  /// Three replicas over one database; the agent's connections go from one to the other and are cut
  /// in the middle of calls.
  @Test func threeReplicasWhoseConnectionsAreCut() async throws {
    let fleet = try await Fleet()
    let token = try await token(fleet)
    _ = try await fleet.control.stop()
    var replicas: [ChildProcess] = []
    var ports: [Int] = []
    for index in 0..<3 {
      ports.append(try FreePort.next())
      replicas.append(
        try ChildProcess(
          Fleet.program("sallyport-control"),
          ControlProcess.flags(
            folder: fleet.folder, databasePort: fleet.cluster.port,
            apiPort: index == 0 ? fleet.control.apiPort : try FreePort.next(),
            linkPort: ports[index]),
          environment: ["PGPASSWORD": "control-canary-1184"]))
    }
    let balancer = try LinkBalancer(port: fleet.control.linkPort, targets: ports)
    balancer.cutConnections(true)
    try await eventually("the first replica's readiness") { try await fleet.control.isReady() }
    let client = try await load(fleet, token: token)
    try await eventually("2000 inserts") { try await marks(fleet) >= 2000 }
    try await eventually("8 connections") { balancer.opened >= 8 }
    try await client.terminate()
    balancer.cutConnections(false)
    try await waitForEmptyBacklog(fleet)
    try await expectComplete(fleet)
    #expect(
      try await fleet.cluster.sql(
        "select count(*) from sallyport.equivocation", database: "sallyport") == "0")
    balancer.stop()
    for replica in replicas { try await replica.terminate() }
  }

  /// An outage is an outage however long: what counts is how much waits. An hour of this shop's
  /// load is 20,000 statements; they go through in a minute.
  @Test(.timeLimit(.minutes(6))) func controlPlaneAwayWhileAnHoursLoadWaits() async throws {
    let fleet = try await Fleet()
    let token = try await token(fleet)
    _ = try await fleet.control.stop()
    let before = try await marks(fleet)
    let client = try await load(fleet, token: token, clients: 8)
    try await eventually("20,000 inserts without a control plane", within: .seconds(110)) {
      try await marks(fleet) >= before + 20_000
    }
    try await client.terminate()
    try await fleet.control.start()
    try await waitForEmptyBacklog(fleet)
    try await expectComplete(fleet)
  }
}
