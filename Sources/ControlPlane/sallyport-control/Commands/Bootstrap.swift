import ArgumentParser
import ControlCore
import Glibc
import Logging
import PostgresStore
import ServerFlags

struct Bootstrap: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make another one-time bootstrap token, in place of one that was lost.",
    discussion: """
      Who holds the token can make himself an administrator, so this needs the database and the \
      key file as `serve` does.
      """)

  @OptionGroup var database: DatabaseOptions
  @OptionGroup var organisation: OrganisationOptions
  @OptionGroup var logging: LogOptions

  @Option(
    name: .customLong("bootstrap-token-file"),
    help: ArgumentHelp(
      "Write the token to this new file, readable by its owner only, instead of printing it.",
      valueName: "file"))
  var tokenFile: String?

  func run() async throws {
    _ = logging.install()
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
      signal(SIGPIPE, SIG_IGN)
      let destination = try TokenDestination.new(tokenFile)
      try destination.prepare()
      defer { destination.discard() }
      try destination.deliver(await plane.access.replaceBootstrapToken())
      await store.close()
    }
  }
}
