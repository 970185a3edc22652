import ArgumentParser
import ControlCore
import Foundation
import Logging
import PostgresStore
import ServerFlags

struct RotatePolicyKey: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate-policy-key",
    abstract: "Make a new key that signs policy, and tell the agents by a root document.",
    discussion: """
      Replicas that run notice it within a second, issue every bundle anew under the new key, and \
      no session drops. Agents that are away follow when they attach again. Who ran it stands in \
      the control plane's own log.

      Example:
        sallyport-control rotate-policy-key --organisation example \
          --key-file /etc/sallyport/control.key
      """)

  @Option(
    help: ArgumentHelp(
      "Which key: policy (signs bundles), lease (signs leases) or root (signs the next rotation).",
      valueName: "kind"))
  var kind: RootService.Kind = .policy

  @OptionGroup var database: DatabaseOptions
  @OptionGroup var organisation: OrganisationOptions
  @OptionGroup var logging: LogOptions

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
      let version = try await plane.roots.rotate(
        kind, by: HostOperator.name, on: ProcessInfo.processInfo.hostName)
      await store.close()
      print("Root version \(version) names the new \(kind.rawValue) key.")
    }
  }
}

extension RootService.Kind: ExpressibleByArgument {}
