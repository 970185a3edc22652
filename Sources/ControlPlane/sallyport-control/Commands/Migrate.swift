import ArgumentParser
import Logging
import PostgresStore
import ServerFlags

struct Migrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring the database's schema up to this program's version, and end.",
    discussion: "`serve` does the same at its start.")

  @OptionGroup var database: DatabaseOptions
  @OptionGroup var logging: LogOptions

  func run() async throws {
    _ = logging.install()
    try await reporting {
      let store = try await database.open(logger: Logger(label: "control"))
      await store.close()
      print("The database's schema is that of version \(SallyportControl.version).")
    }
  }
}
