import Foundation
import Glibc
import Synchronization

/// A real program run by a test; killed at the latest with this value's last reference.
///
/// Its output goes to files of the scratch folder, so that a test can read it at any time and
/// no pipe fills up.
package final class ChildProcess: Sendable {
  /// How a program ended.
  package enum Exit: Sendable, Equatable {
    case code(Int32)
    case signal(Int32)
  }

  /// Closed in the child, open or not; what a process may have without asking for more.
  private static let descriptors: Int32 = 1_024

  package let identifier: pid_t
  private let folder: ScratchFolder
  private let exit = Mutex<Exit?>(nil)

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - program: A path, or a name looked up on the PATH.
  ///   - environment: Added to the test's own environment.
  ///   - input: What the program reads from its standard input; empty by default.
  ///   - user: Run as this user, when the test runs as root.
  package init(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
    input: String = "", folder currentFolder: String? = nil, user: String? = nil
  ) throws {
    folder = try ScratchFolder("p")
    var words = [program] + arguments
    if let user, geteuid() == 0 {
      let group = getpwnam(user)?.pointee.pw_gid ?? 0
      words = ["setpriv", "--reuid=\(user)", "--regid=\(group)", "--clear-groups", "--"] + words
    }
    if let currentFolder { words = ["env", "-C", currentFolder] + words }
    try folder.write(input, to: "in")
    try folder.write("", to: "out")
    try folder.write("", to: "err")

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, folder.file("in"), O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, folder.file("out"), O_WRONLY | O_APPEND, 0)
    posix_spawn_file_actions_addopen(&actions, 2, folder.file("err"), O_WRONLY | O_APPEND, 0)
    // NIO's sockets are inherited: a child that holds one would keep the test's peer from seeing
    // its close.
    for descriptor: Int32 in 3..<Self.descriptors {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    // Threads of the concurrency pool block signals, and a child inherits that: unmended, SIGTERM
    // would never reach the program.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var values = ProcessInfo.processInfo.environment
    values.merge(environment) { _, new in new }

    let argv = words.map { strdup($0) } + [nil]
    let envp = values.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var child: pid_t = 0
    let status = posix_spawnp(&child, words[0], &actions, &attributes, argv, envp)
    guard status == 0 else {
      throw TestFailure("cannot start \(words[0]): \(String(cString: strerror(status)))")
    }
    identifier = child
    Leftovers.began(child)
  }

  package var output: String { text(of: "out") }
  package var errors: String { text(of: "err") }

  /// Waits until the program has printed `text` on either stream.
  ///
  /// - Throws: ``TestFailure`` with all output when the program ends before, or `limit` passes.
  package func waitForOutput(
    containing text: String, within limit: Duration = .seconds(20)
  ) async throws {
    var isSeen = false
    do {
      try await eventually("\"\(text)\" from process \(identifier)", within: limit) {
        let hasEnded = poll() != nil
        isSeen = output.contains(text) || errors.contains(text)
        return isSeen || hasEnded
      }
    } catch {
      throw TestFailure("\(error)\n\(output)\n\(errors)")
    }
    guard isSeen else {
      throw TestFailure(
        "process \(identifier) ended without printing \"\(text)\"\n\(output)\n\(errors)")
    }
  }

  private func text(of file: String) -> String {
    let data = FileManager.default.contents(atPath: folder.file(file)) ?? Data()
    return String(decoding: data, as: UTF8.self)
  }

  package func send(_ signal: Int32) {
    exit.withLock { exit in
      // The id of a reaped process may belong to somebody else by now.
      if exit == nil { kill(identifier, signal) }
    }
  }

  /// How the program ended, or `nil` while it runs.
  package func poll() -> Exit? {
    exit.withLock { exit in
      if exit != nil { return exit }
      var status: Int32 = 0
      guard waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
      Leftovers.ended(identifier)
      let signal = status & 0x7F
      exit = signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
      return exit
    }
  }

  /// Waits for the end of the program; kills it when it takes longer than `limit`.
  package func wait(within limit: Duration = .seconds(60)) async throws -> Exit {
    do {
      try await eventually("the end of process \(identifier)", within: limit) { poll() != nil }
    } catch {
      send(SIGKILL)
      throw TestFailure("\(error)\n\(output)\n\(errors)")
    }
    guard let exit = poll() else { throw TestFailure("process \(identifier) has no exit status") }
    return exit
  }

  /// Ends the program with SIGTERM and gives how it ended.
  @discardableResult
  package func terminate(within limit: Duration = .seconds(20)) async throws -> Exit {
    send(SIGTERM)
    return try await wait(within: limit)
  }

  /// Ends the program with SIGKILL.
  package func killNow() async throws {
    send(SIGKILL)
    _ = try await wait(within: .seconds(10))
  }

  deinit {
    if poll() == nil {
      kill(identifier, SIGKILL)
      waitpid(identifier, nil, 0)
    }
  }
}

/// What a finished program printed and how it ended.
package struct Outcome: Sendable {
  package let exit: ChildProcess.Exit
  package let output: String
  package let errors: String

  package var succeeded: Bool { exit == .code(0) }
}

/// Runs a program to its end.
package func run(
  _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
  input: String = "", user: String? = nil, within limit: Duration = .seconds(60)
) async throws -> Outcome {
  let child = try ChildProcess(
    program, arguments, environment: environment, input: input, user: user)
  let exit = try await child.wait(within: limit)
  return Outcome(exit: exit, output: child.output, errors: child.errors)
}
