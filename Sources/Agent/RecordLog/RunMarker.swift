/// The file `running`: there while the log is not closed in order, with the boot of the host under
/// which it was opened.
///
/// It is empty only while nothing was let in: a lane takes no work before ``set(keepingEarlier:)``
/// has succeeded.
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
  ///
  /// An earlier boot is written over in place: at no instant the file is empty, and what a torn
  /// write leaves is no boot of this host.
  ///
  /// - Parameter keepingEarlier: Leaves the boot of an earlier run alone; an empty file is written
  ///   all the same.
  func set(keepingEarlier: Bool) throws(RecordLogError) {
    do throws(FileFailure) {
      let file = try SegmentFile(path: path, purpose: .readWriteMaking, files: folder.files)
      let before = try text(of: file)
      if before == boot || keepingEarlier && !before.isEmpty { return }
      do throws(FileFailure) {
        try file.write(Array(boot.utf8), at: 0)
        if before.utf8.count > boot.utf8.count {
          try file.truncate(to: Int64(boot.utf8.count))
        }
        try file.synchronize()
        try folder.files.synchronizeFolder(folder.configuration.folder)
      } catch {
        // A part of a name would be taken for another boot by the next start.
        if before.isEmpty { try? file.truncate(to: 0) }
        throw error
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
