import Foundation

/// The table of docs/modules.md: what each target is for and which modules it may import.
struct ModuleTable {
  struct Row {
    let target: String
    let folder: String
    let mayImport: Set<String>
  }

  let rows: [Row]

  /// Reads the rows `| `Target` | purpose | imports |` under the headings `## Shared` and so on.
  init(markdown: String) {
    var rows: [Row] = []
    var folder = ""
    for line in markdown.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("## ") { folder = String(line.dropFirst(3)) }
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard line.hasPrefix("| `"), cells.count == 3 else { continue }
      let imports = cells[2].split(whereSeparator: { ", ".contains($0) }).map {
        $0.trimmingCharacters(in: CharacterSet(charactersIn: "`"))
      }
      rows.append(
        Row(
          target: cells[0].trimmingCharacters(in: CharacterSet(charactersIn: "`")),
          folder: folder, mayImport: Set(imports)))
    }
    self.rows = rows
  }
}

/// The checkout the tests run in.
enum Checkout {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// The modules that the Swift files below `folder` import, each with one file that does.
  static func imports(below folder: String) throws -> [String: String] {
    var imports: [String: String] = [:]
    let keywords: Set<Substring> = [
      "package", "public", "internal", "fileprivate", "private", "@preconcurrency", "@testable",
    ]
    let files = FileManager.default.enumerator(
      at: root.appending(path: folder), includingPropertiesForKeys: nil)
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ").drop { keywords.contains($0) }
        guard words.first == "import", var module = words.dropFirst().first else { continue }
        if ["struct", "class", "enum", "func", "protocol", "var"].contains(module) {
          module = words.dropFirst(2).first ?? module
        }
        let name = String(module.split(separator: ".").first ?? module)
        imports[name] = file.lastPathComponent
      }
    }
    return imports
  }
}
