import Foundation

/// Certificates and keys in PEM as people have them, made by openssl in a folder of a test's own.
final class CertificateFiles {
  let folder: String

  init() throws {
    folder =
      FileManager.default.temporaryDirectory
      .appending(path: "sallyport-cli-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func text(_ name: String) throws -> String {
    try String(contentsOfFile: path(name), encoding: .utf8)
  }

  func write(_ text: String, _ name: String) throws -> String {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    return path(name)
  }

  /// Makes `NAME.crt`, valid for 100 days from now, and `NAME.key`.
  ///
  /// - Parameter key: Arguments of `openssl req` for the key's kind.
  func issue(
    _ name: String, subject: String,
    key: [String] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
  ) throws {
    try openssl(
      ["req", "-x509"] + key + [
        "-nodes", "-days", "100", "-subj", subject, "-keyout", path("\(name).key"), "-out",
        path("\(name).crt"),
      ])
  }

  func openssl(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(arguments: arguments) }
  }

  struct Failed: Error { var arguments: [String] }
}
