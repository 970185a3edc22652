import Foundation

/// A folder that only its owner can enter, for the files of one command; removed afterwards.
struct PrivateFolder {
  let path: String

  /// Makes it under `$XDG_RUNTIME_DIR`, which is in memory and private already, or the
  /// temporary folder.
  init(environment: [String: String]) throws(CLIFailure) {
    let candidates = [environment["XDG_RUNTIME_DIR"], environment["TMPDIR"], "/tmp"]
    let base = candidates.compactMap { $0 }.first { $0.hasPrefix("/") && access($0, W_OK) == 0 }
    var template = Array("\(base ?? "/tmp")/sallyport-connect.XXXXXX".utf8CString)
    // mkdtemp makes the folder with mode 0700 under a name that did not exist.
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let made else {
      throw CLIFailure(
        .failed,
        "making a private folder in \"\(base ?? "/tmp")\" failed: \(String(cString: strerror(errno)))",
        remedy: "set TMPDIR to a folder that you may write")
    }
    path = made
  }

  func write(_ text: String, to name: String) throws(CLIFailure) -> String {
    let file = "\(path)/\(name)"
    try PrivateFile.write(Array(text.utf8), to: file)
    return file
  }

  func remove() {
    try? FileManager.default.removeItem(atPath: path)
  }
}
