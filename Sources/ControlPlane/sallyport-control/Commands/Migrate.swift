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
      let roles = try await store.secureRoles()
      await store.close()
      if let roles {
        print(
          """
          -- This user may not make or own roles. For auditors who read and a control plane that
          -- cannot change records, let a superuser of the cluster run this in the database:
          \(roles);
          """)
      }
      print("The database's schema is that of version \(SallyportControl.version).")
    }
  }
}
