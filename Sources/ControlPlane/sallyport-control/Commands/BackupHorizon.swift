import ArgumentParser
import ControlCore
import Foundation
import GatewayModel
import Glibc
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

      Who ran it and the time stand in the control plane's own log, which is signed, so this needs \
      the key file as `serve` does.

      Example:
        sallyport-control backup-horizon 2026-11-21T02:00:00Z
      """)

  @Argument(
    help: ArgumentHelp("When the backup began, as RFC 3339.", valueName: "time"))
  var time: String

  @OptionGroup var database: DatabaseOptions
  @OptionGroup var organisation: OrganisationOptions
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
    let settings = ControlSettings(
      organisation: try organisation.organisationName(), version: SallyportControl.version,
      linkAddress: "", serverNames: [])
    let key = try organisation.key()
    try await reporting {
      let surroundings = Surroundings.system(logger: Logger(label: "control"))
      let store = try await database.open(logger: surroundings.logger)
      let keys = try await ControlKeys.open(
        store: store.stores.secrets, wrappingKey: key, settings: settings,
        surroundings: surroundings)
      let plane = ControlPlane(
        settings: settings, keys: keys, stores: store.stores, surroundings: surroundings)
      let logs = try await plane.backups.setHorizon(
        time, by: HostOperator.name, on: ProcessInfo.processInfo.hostName)
      await store.close()
      print("Agents keep what was received since \(TimeText.text(time)), of \(logs) logs.")
    }
  }
}

/// Who runs a command at the control plane's host.
enum HostOperator {
  /// The user of the host as its system names him; his number where it has no name for him.
  static var name: String {
    let user = getuid()
    return getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "uid \(user)"
  }
}
