internal import AuditLog
package import GatewayModel

/// Where it is kept what backups of the database have.
package protocol BackupStore: RecordingStore {
  /// Notes that a backup has everything that was received before a time: agents keep what came
  /// later, and send it again when the backup is what the control plane goes on with.
  ///
  /// No log waits for another: of each only its own cursor is locked, and only to write. When it
  /// fails between two logs, those behind it stay as they were, with which agents keep more.
  /// - Returns: How many logs go on behind it.
  /// - Throws: `invalid` for a time that has not come yet by the store's clock.
  func setBackupHorizon(_ time: WallTime) async throws(ControlError) -> Int
}

/// What backups have, as an operator at the control plane's host says.
package struct BackupService: Sendable {
  let store: any BackupStore
  let log: ControlLog

  /// Sets the backup horizon; who did it to what stands in the control plane's own log.
  ///
  /// - Parameters:
  ///   - operatorName: The user of the host, for the log.
  ///   - host: The host's name, for the log.
  /// - Returns: How many logs go on behind it.
  /// - Throws: `invalid` for a time that has not come yet.
  package func setHorizon(
    _ time: WallTime, by operatorName: String, on host: String
  ) async throws(ControlError) -> Int {
    let text = TimeText.text(time)
    let entry = log.act(
      .setBackupHorizon, on: text, by: .hostOperator(operatorName, on: host)
    ) { ["covers_until": .text(text)] }
    return try await store.recording(entry).setBackupHorizon(time)
  }
}
