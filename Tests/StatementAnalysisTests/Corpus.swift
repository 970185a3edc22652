import Foundation
import StatementAnalysis
import TestSupport

/// The statements of Tests/Corpus.
struct Corpus {
  struct Case: Encodable {
    enum Flag: String, Encodable {
      /// The server refuses it.
      case fails
      /// It ends transactions, or cannot run in one.
      case alone
      /// What it does stands in no text: the server is what keeps it from writing.
      case hidden
    }

    var name: String
    var setup: String
    var sql: String
    var flags: [Flag]
  }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Corpus")

  var cases: [Case] = []

  /// Reads all `.corpus` files: `=== NAME | FLAGS`, lines of preparation behind `> `, the statement.
  init(scratch: String) throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    for file in files.sorted() where file.hasSuffix(".corpus") {
      let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
      for part in text.split(separator: "=== ") {
        cases.append(try Self.read(part, in: file, scratch))
      }
    }
  }

  private static func read(_ part: Substring, in file: String, _ scratch: String) throws -> Case {
    let lines = part.split(separator: "\n", omittingEmptySubsequences: false)
    let heading = (lines.first ?? "").split(separator: " | ")
    let flags = try (heading.dropFirst().first ?? "").split(separator: " ").map { word in
      guard let flag = Case.Flag(rawValue: String(word)) else {
        throw TestFailure("\(file): the flag \"\(word)\" is none")
      }
      return flag
    }
    let setup = lines.dropFirst().filter { $0.hasPrefix("> ") }.map { $0.dropFirst(2) }
    let sql = lines.dropFirst().filter { !$0.hasPrefix("> ") }.joined(separator: "\n")
    return Case(
      name: "\(file): \(heading.first ?? "")", setup: setup.joined(separator: "; "),
      sql: sql.trimmingCharacters(in: .newlines).replacing("{scratch}", with: scratch),
      flags: flags)
  }
}

/// What a statement did at the server, as Tests/Corpus/observe.py says it.
struct Observation: Decodable {
  var name: String
  /// Of each statement of the text: `DELETE 3`.
  var tags: [String]
  /// SQLSTATE and message; empty when it ran.
  var error: String
  /// Names of settings that have another value.
  var settings: [String]?
  /// The values that those have now.
  var values: [String: String]?
  /// What has other rows or another state: `schema.table`, `sequence …`, `object …`, `file …`.
  var written: [String]?
  /// Name or `advisory`, mode, kind of relation, whether it is the system's: those that it took.
  var locks: [[String]]?
  /// Pairs of relations of which the second is reached through the first.
  var related: [[String]]?
  /// Files that it made.
  var files: [String]
  /// The error that it ended with in a read-only transaction.
  var errorWhenReadOnly: String?
}
