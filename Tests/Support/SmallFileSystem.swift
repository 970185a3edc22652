import Foundation

/// A file system of a few megabytes of a test's own, to see what a full disk does.
///
/// A child process holds a tmpfs in a mount namespace of its own, which is reached through the
/// child's entry in /proc: nothing stays mounted longer than 15 minutes when the test process is
/// killed. Root mounts it as it is; another user, and a root without the right to mount, does it in
/// a user namespace.
package enum SmallFileSystem {
  /// Why a test failed that had none.
  package static let need =
    "cannot mount a tmpfs for a test of a full disk: run the tests as a root that may mount, or as "
    + "a user who may make user namespaces (`unshare --user --map-root-user --mount true`)"

  /// Commands before a command that let it mount something for itself alone, the best first.
  package static let namespaces: [[String]] = {
    let asRoot = ["unshare", "--mount"]
    let asUser = ["unshare", "--user", "--map-root-user", "--mount"]
    return geteuid() == 0 ? [asRoot, asUser] : [asUser]
  }()

  /// Runs `body` with the path of an empty file system, which is gone afterwards.
  ///
  /// - Throws: ``TestFailure`` with ``need``, without having run `body`, when none of `namespaces`
  ///   lets this user mount one.
  package static func with(
    megabytes: Int, in namespaces: [[String]] = SmallFileSystem.namespaces,
    _ body: (_ path: String) async throws -> Void
  ) async throws {
    let folder = try ScratchFolder("disk")
    let mount = "mount -t tmpfs -o size=\(megabytes)m,mode=700 tmpfs \"$0\""
    let holder = try ChildProcess(
      "env",
      try await namespace(among: namespaces)
        + ["sh", "-c", "\(mount) && echo mounted && exec sleep 900", folder.path])
    try await holder.waitForOutput(containing: "mounted")
    do {
      try await body("/proc/\(holder.identifier)/root\(folder.path)")
    } catch {
      try await holder.killNow()
      throw error
    }
    try await holder.killNow()
  }

  /// The first of `namespaces` in which this user may mount.
  ///
  /// - Throws: ``TestFailure`` with ``need`` and what the system said, when there is none.
  package static func namespace(
    among namespaces: [[String]] = SmallFileSystem.namespaces
  ) async throws -> [String] {
    var refusals: [String] = []
    for namespace in namespaces {
      let trial = try ChildProcess(
        "env", namespace + ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/tmp"])
      if try await trial.wait() == .code(0) { return namespace }
      refusals.append("\(namespace.joined(separator: " ")): \(trial.errors)")
    }
    throw TestFailure(([need] + refusals).joined(separator: "\n"))
  }
}
