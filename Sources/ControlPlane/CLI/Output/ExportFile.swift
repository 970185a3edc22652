import Foundation

/// A file that is there whole or not at all: it is written beside its place under another name, and
/// takes the place when it is finished.
final class ExportFile {
  let path: String
  private let partial: String
  private let descriptor: Int32
  private(set) var bytes = 0

  /// - Throws: `failed` when nothing can be written there.
  init(path: String) throws {
    self.path = path
    partial = path + ".partial"
    // Whoever reads along would read the trail: for the owner only, and through no link.
    descriptor = open(
      partial, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure("opening", partial) }
  }

  deinit { close(descriptor) }

  func write(_ text: String) throws {
    let all = Array(text.utf8)
    var rest = all[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        throw Self.failure("writing", partial)
      }
      rest = rest.dropFirst(written)
    }
    bytes += all.count
  }

  /// Puts the file into its place, in the stead of one that was there.
  func finish() throws {
    guard fsync(descriptor) == 0 else { throw Self.failure("syncing", partial) }
    guard rename(partial, path) == 0 else { throw Self.failure("replacing", path) }
  }

  /// Removes what was written.
  func discard() { unlink(partial) }

  private static func failure(_ act: String, _ path: String) -> CLIFailure {
    CLIFailure(
      .failed, "\(act) \"\(path)\" failed: \(String(cString: strerror(errno)))",
      remedy: "name a file in a folder that you can write to, with room for the export")
  }
}

/// How far something long is, on one line of standard error.
struct ProgressLine {
  let terminal: Terminal
  private var said: ContinuousClock.Instant?

  init(terminal: Terminal) { self.terminal = terminal }

  /// Says it at most every half second, and only to a terminal.
  mutating func say(_ text: @autoclosure () -> String) {
    let now = ContinuousClock.now
    guard terminal.isTerminal, said.map({ now - $0 > .milliseconds(500) }) ?? true else { return }
    said = now
    StandardError.write("\r\u{1B}[K\(text())")
  }

  mutating func say(rows: Int, bytes: Int) { say("\(rows) rows, \(bytes >> 20) MiB") }

  /// Clears the line.
  mutating func end() {
    if said != nil { StandardError.write("\r\u{1B}[K") }
  }
}
