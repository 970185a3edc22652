internal import ControlCore

extension PostgresStore {
  /// How many days ahead partitions are there; nothing is stored on a day without one.
  static let partitionDays: Int64 = 7
  /// How often they are looked for.
  static let maintenanceInterval = Duration.seconds(600)
  /// The key of the advisory lock that one replica maintains the tables under: "smain" in ASCII.
  private static let maintenanceLock: Int64 = 0x73_6D_61_69_6E

  /// The key of the advisory lock that `sallyport.make_partitions` takes.
  private static let partitionLock: Int64 = 495_806_673_524

  /// Makes the partitions of today and the next days.
  func makePartitions() async throws(ControlError) {
    try await transact("making the partitions of the next days") { session in
      // Its turn may come late, when several replicas start; the tables it may not wait for that
      // long, since those who write to them would wait behind it.
      try session.script("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
      try session.execute("SELECT pg_advisory_xact_lock($1)", [.integer(Self.partitionLock)])
      try session.script("SET LOCAL lock_timeout = '20s'; SET LOCAL statement_timeout = '60s'")
      _ = try session.execute(
        "SELECT sallyport.make_partitions($1::integer)", [.integer32(Int32(Self.partitionDays))])
    }
  }

  /// Keeps the tables ready for the next days until the task is cancelled. Run it in every replica;
  /// one at a time does it.
  package func maintain(every interval: Duration = maintenanceInterval) async {
    while !Task.isCancelled {
      do {
        try await maintainOnce()
      } catch {
        logger.error("tables not maintained", metadata: ["error": "\(error)"])
      }
      try? await Task.sleep(for: interval)
    }
  }

  private func maintainOnce() async throws(ControlError) {
    let isTurn = try await transact("asking for the turn to maintain the tables") { session in
      let locked = try session.row(
        "SELECT pg_try_advisory_xact_lock($1)", [.integer(Self.maintenanceLock)]
      ) { row throws(PostgresError) in try row.bool() }
      guard locked == true else { return false }
      try session.execute(
        "SELECT sallyport.make_partitions($1::integer)", [.integer32(Int32(Self.partitionDays))])
      return true
    }
    if isTurn { logger.debug("tables maintained") }
  }
}
