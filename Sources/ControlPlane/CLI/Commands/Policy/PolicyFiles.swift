import APIModel
import Foundation
import PolicyDocuments
import PolicyEngine

/// Policies in files as commands name them: files, or folders whose files are taken.
struct PolicyFiles {
  /// `*.yaml` and `*.yml`, those of a folder by name.
  private(set) var policies: [SourceFile] = []
  /// `*.test.yaml` and `*.test.yml`.
  private(set) var tests: [SourceFile] = []

  /// The longest file that is read; longer ones are no policies.
  private static let maximumBytes = 2 << 20

  /// - Parameter paths: Those in a folder stand in the order of their names; folders in it are left
  ///   alone. `-` is standard input.
  /// - Throws: ``CLIFailure`` for what cannot be read.
  init(_ paths: [String]) throws(CLIFailure) {
    for path in paths {
      var isFolder: ObjCBool = false
      if path == "-" {
        policies.append(try Self.file("standard input", FileHandle.standardInput))
      } else if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
        isFolder.boolValue
      {
        try takeFolder(path)
      } else {
        try take(path)
      }
    }
  }

  private mutating func takeFolder(_ path: String) throws(CLIFailure) {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw Self.unreadable(path, error)
    }
    let kept = names.filter { name in
      !name.hasPrefix(".") && (name.hasSuffix(".yaml") || name.hasSuffix(".yml"))
    }
    for name in kept.sorted() { try take(path.hasSuffix("/") ? path + name : "\(path)/\(name)") }
  }

  private mutating func take(_ path: String) throws(CLIFailure) {
    let handle: FileHandle
    do {
      handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    } catch {
      throw Self.unreadable(path, error)
    }
    let file = try Self.file(path, handle)
    if path.hasSuffix(".test.yaml") || path.hasSuffix(".test.yml") {
      tests.append(file)
    } else {
      policies.append(file)
    }
  }

  private static func file(
    _ path: String, _ handle: FileHandle
  ) throws(CLIFailure) -> SourceFile {
    let bytes: Data
    do {
      bytes = try handle.read(upToCount: maximumBytes) ?? Data()
    } catch {
      throw unreadable(path, error)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CLIFailure(
        .failed, "\"\(path)\" is not UTF-8", remedy: "save it in that encoding")
    }
    return SourceFile(path: path, text: text)
  }

  private static func unreadable(_ path: String, _ error: any Error) -> CLIFailure {
    CLIFailure(
      .failed, "reading \"\(path)\" failed: \(error.localizedDescription)",
      remedy: "name files of policies, or a folder with *.yaml files")
  }

  /// - Throws: ``CLIFailure`` when there are no files of policies: a folder whose name is misspelt would
  ///   pass for ever.
  func requirePolicies() throws(CLIFailure) {
    guard policies.isEmpty else { return }
    throw CLIFailure(
      .failed, "there are no policies in what was named",
      remedy: "name a file of policies, or a folder with *.yaml files")
  }

  /// The documents of the policies.
  ///
  /// - Throws: ``CLIFailure`` with what is wrong.
  func reading() throws(CLIFailure) -> PolicyReading {
    try requirePolicies()
    let reading = PolicyReading(policies)
    guard reading.isUsable else { throw Self.refusal(reading.diagnostics) }
    return reading
  }

  static func refusal(_ diagnostics: [Diagnostic]) -> CLIFailure {
    let errors = diagnostics.count { $0.severity == .error }
    var failure = CLIFailure(
      .failed, "\(errors == 1 ? "1 error" : "\(errors) errors") in the policies",
      remedy: "mend what is named above")
    failure.details = diagnostics.map(DiagnosticText.line)
    return failure
  }
}

/// Diagnostics as compilers write them, so that editors find the place.
enum DiagnosticText {
  static func line(_ diagnostic: Diagnostic) -> String {
    line(PolicyDiagnostic(diagnostic))
  }

  static func line(_ diagnostic: PolicyDiagnostic) -> String {
    EscapedText.line(
      "\(diagnostic.file):\(diagnostic.line):\(diagnostic.column): \(diagnostic.severity): "
        + "\(diagnostic.message) — \(diagnostic.remedy)")
  }
}

extension PolicyDiagnostic {
  init(_ diagnostic: Diagnostic) {
    self.init(
      severity: diagnostic.severity.rawValue, file: diagnostic.place.file,
      line: diagnostic.place.line, column: diagnostic.place.column, message: diagnostic.message,
      remedy: diagnostic.remedy)
  }
}

extension APIClient {
  /// What is in force, or was at a version.
  func policies(version: Int? = nil) async throws(CLIFailure) -> PolicyContent {
    if let version { return try await get(Routes.policyVersions, ["\(version)"]) }
    return try await get(Routes.policy)
  }
}

extension PolicyContent {
  /// - Throws: ``CLIFailure`` when this program does not understand them.
  func policies() throws(CLIFailure) -> [PolicyDocument] {
    let number = version?.version ?? 0
    let reading = PolicyReading(
      documents.map { SourceFile(path: "\($0.name) (version \(number))", text: $0.text) })
    guard reading.isUsable else {
      var failure = PolicyFiles.refusal(reading.diagnostics)
      failure.message = "the policies of version \(number) are not understood here"
      failure.remedy = "use the version of sallyport that they were applied with, or a later one"
      throw failure
    }
    return reading.documents.map(\.document)
  }

  /// The whole version as a file that can be applied again.
  var text: String { documents.map(\.text).joined(separator: "---\n") }
}
