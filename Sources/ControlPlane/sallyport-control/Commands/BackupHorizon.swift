import ArgumentParser
import ControlCore
import GatewayModel
import Logging
import PostgresStore
import ServerFlags

struct BackupHorizon: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup-horizon",
    abstract: "Say that a backup of the database has everything received before a time.",
    discussion: """
      Agents then keep the records that came later, and send them again when the database is \
      restored from that backup. Run it when a backup has ended, with the time at which it began. \
      Until it was run once, agents remove records as soon as they are stored.

      Example:
        sallyport-control backup-horizon 2026-11-21T02:00:00Z
      """)

  @Argument(
    help: ArgumentHelp("When the backup began, as RFC 3339.", valueName: "time"))
  var time: String

  @OptionGroup var database: DatabaseOptions
  @OptionGroup var logging: LogOptions

  func validate() throws {
    guard TimeText.time(time) != nil else {
      throw ValidationError(
        "The time \"\(time)\" is not RFC 3339: write it as 2026-11-21T02:00:00Z.")
    }
  }

  func run() async throws {
    _ = logging.install()
    guard let time = TimeText.time(time) else { return }
    try await reporting {
      let store = try await database.open(logger: Logger(label: "control"))
      let logs = try await store.setBackupHorizon(time)
      await store.close()
      print("Agents keep what was received since \(TimeText.text(time)), of \(logs) logs.")
    }
  }
}
