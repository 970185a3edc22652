/// The file `running`: there while the log is not closed in order, with the boot of the host under
/// which it was opened.
struct RunMarker: Sendable {
  private let folder: LogFolder
  private let path: String
  private let boot: String

  init(folder: LogFolder) {
    self.folder = folder
    path = folder.path("running")
    boot = folder.files.bootIdentifier()
  }

  /// Whether the last run was not closed in order and the host has restarted since: what was not on
  /// the medium then is gone.
  func tellsOfHostRestart() throws(RecordLogError) -> Bool {
    do throws(FileFailure) {
      let file = try SegmentFile(path: path, purpose: .readWriteMaking, files: folder.files)
      let before = try text(of: file)
      return !before.isEmpty && before != boot
    } catch {
      throw failed(error)
    }
  }

  /// Notes on the medium that the log is open under this boot; does nothing where it says so.
  func set() throws(RecordLogError) {
    do throws(FileFailure) {
      let file = try SegmentFile(path: path, purpose: .readWriteMaking, files: folder.files)
      if try text(of: file) == boot { return }
      do throws(FileFailure) {
        try file.truncate(to: 0)
        try file.write(Array(boot.utf8), at: 0)
        try file.synchronize()
        try folder.files.synchronizeFolder(folder.configuration.folder)
      } catch {
        // A disk without room is no reason not to start: nothing is let in until there is some.
        if !error.isNoSpace { throw error }
      }
    } catch {
      throw failed(error)
    }
  }

  /// Notes that the log is closed in order.
  func remove() { try? folder.files.remove(path) }

  private func text(of file: SegmentFile) throws(FileFailure) -> String {
    var buffer = [UInt8](repeating: 0, count: 128)
    let count = try file.read(into: &buffer, count: buffer.count, at: 0)
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }

  private func failed(_ error: FileFailure) -> RecordLogError {
    .failed(
      "note in \(path) that the log is open", error,
      remedy: "let the agent write in its record folder")
  }
}
