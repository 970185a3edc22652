import Foundation
import Testing

/// What docs/modules.md says is what the sources do.
@Suite struct ModuleGraphTests {
  private let table: ModuleTable
  private let manifest: String

  init() throws {
    table = ModuleTable(markdown: try Checkout.text("docs/modules.md"))
    manifest = try Checkout.text("Package.swift")
  }

  /// Where a row's sources stand.
  private func path(_ row: ModuleTable.Row) -> String {
    row.target == "sallyport"
      ? "Sources/ControlPlane/CLI" : "Sources/\(row.folder)/\(row.target)"
  }

  @Test func everySourceFolderHasARow() throws {
    for folder in ["Shared", "Agent", "ControlPlane"] {
      let root = Checkout.root.appending(path: "Sources/\(folder)")
      for entry in try FileManager.default.contentsOfDirectory(atPath: root.path) {
        let name = entry == "CLI" ? "sallyport" : entry
        #expect(
          table.rows.contains { $0.target == name && $0.folder == folder },
          "Sources/\(folder)/\(entry) has no row in docs/modules.md: add one that says what it is for"
        )
      }
    }
  }

  @Test func targetsImportOnlyWhatTheTableAllows() throws {
    #expect(table.rows.count > 20)
    for row in table.rows where !row.mayImport.isEmpty {
      for (module, file) in try Checkout.imports(below: path(row)) {
        #expect(
          row.mayImport.contains(module),
          """
          \(path(row))/\(file) imports \(module), which docs/modules.md does not allow \
          \(row.target). Small targets keep one part readable without the others: move the code \
          to a target that may, or change the table with a reason.
          """)
      }
    }
  }

  @Test func agentAndControlPlaneNeverImportEachOther() throws {
    let agents = Set(table.rows.filter { $0.folder == "Agent" }.map(\.target))
    let controls = Set(table.rows.filter { $0.folder == "ControlPlane" }.map(\.target))
    for row in table.rows {
      let imported = Set(try Checkout.imports(below: path(row)).keys)
      switch row.folder {
      case "Agent": #expect(imported.isDisjoint(with: controls), "\(row.target)")
      case "ControlPlane": #expect(imported.isDisjoint(with: agents), "\(row.target)")
      default: #expect(imported.isDisjoint(with: agents.union(controls)), "\(row.target)")
      }
    }
  }

  /// The pure cores must give the same answer for the same input, whoever runs them.
  @Test(arguments: [
    "GatewayModel", "PolicyEngine", "SessionCore", "PostgresWire", "AuditLog", "StatementAnalysis",
  ])
  func pureTargetsHaveNoInputOrOutput(target: String) throws {
    let row = try #require(table.rows.first { $0.target == target })
    let impure: Set = ["Glibc", "Dispatch", "NIOPosix", "Logging", "Metrics", "Synchronization"]
    let imported = try Checkout.imports(below: path(row))
    #expect(Set(imported.keys).isDisjoint(with: impure))
    for clock in ["Date()", "ContinuousClock", "SystemRandomNumberGenerator", ".random("] {
      #expect(
        try !sources(below: path(row)).contains(clock),
        "\(target) uses \(clock): time and randomness come in as values")
    }
  }

  @Test func everyTargetOfTheTableIsInTheManifest() {
    for row in table.rows {
      #expect(manifest.contains("\"\(row.target)\""), "\(row.target) is not in Package.swift")
    }
  }

  private func sources(below folder: String) throws -> String {
    var text = ""
    let files = FileManager.default.enumerator(
      at: Checkout.root.appending(path: folder), includingPropertiesForKeys: nil)
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      text += try String(contentsOf: file, encoding: .utf8)
    }
    return text
  }
}
