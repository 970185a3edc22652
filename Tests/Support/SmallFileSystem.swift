import Foundation

/// A file system of a few megabytes of a test's own, to see what a full disk does.
///
/// A child process holds a tmpfs in user and mount namespaces of its own: that needs neither root
/// nor sudo, and nothing stays mounted longer than 15 minutes when the test process is killed. It is
/// reached through the child's entry in /proc.
package enum SmallFileSystem {
  /// Why a test that needs one is skipped.
  package static let need = "needs user namespaces in which a tmpfs can be mounted"

  /// Whether this system lets this user have one.
  package static let isAllowed: Bool = {
    let trial = Process()
    trial.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    trial.arguments = namespaces + ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/tmp"]
    trial.standardError = FileHandle.nullDevice
    guard (try? trial.run()) != nil else { return false }
    trial.waitUntilExit()
    return trial.terminationStatus == 0
  }()

  private static let namespaces = ["unshare", "--user", "--map-root-user", "--mount"]

  /// Runs `body` with the path of an empty file system, which is gone afterwards.
  package static func with(
    megabytes: Int, _ body: (_ path: String) async throws -> Void
  ) async throws {
    let folder = try ScratchFolder("disk")
    let mount = "mount -t tmpfs -o size=\(megabytes)m,mode=700 tmpfs \"$0\""
    let holder = try ChildProcess(
      "env", namespaces + ["sh", "-c", "\(mount) && echo mounted && exec sleep 900", folder.path])
    try await holder.waitForOutput(containing: "mounted")
    do {
      try await body("/proc/\(holder.identifier)/root\(folder.path)")
    } catch {
      try await holder.killNow()
      throw error
    }
    try await holder.killNow()
  }
}
