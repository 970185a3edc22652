import Dispatch
import Foundation

/// A program that runs in the terminal in place of this one until it ends.
///
/// It stays in the same process group, so that Ctrl-C, Ctrl-\ and Ctrl-Z reach it from the
/// terminal. This process ignores the first two meanwhile, and passes SIGTERM and SIGHUP on, so
/// that it is still there to clean up.
enum ClientProgram {
  /// Runs the program and returns its exit code; 128 and the signal's number when one ended it.
  static func run(
    _ arguments: [String], environment: [String: String]
  ) async throws(CLIFailure) -> Int32 {
    guard let name = arguments.first else { return 0 }
    let ignored = [SIGINT, SIGQUIT, SIGTERM, SIGHUP].map { ($0, signal($0, SIG_IGN)) }
    defer {
      for (number, old) in ignored { signal(number, old) }
    }
    let child = try start(name, arguments, environment)
    let queue = DispatchQueue(label: "sallyport.connect.signals")
    let passed = [SIGTERM, SIGHUP].map { number in
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { kill(child, number) }
      source.resume()
      return source
    }
    let status = await withCheckedContinuation { continuation in
      // waitpid blocks for as long as the person works, which no task's thread may.
      Thread.detachNewThread { continuation.resume(returning: wait(for: child)) }
    }
    for source in passed { source.cancel() }
    return status
  }

  private static func start(
    _ name: String, _ arguments: [String], _ environment: [String: String]
  ) throws(CLIFailure) -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The child takes signals as any program does, whatever is ignored or blocked here.
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for number in [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&defaults, number) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    var mask = sigset_t()
    sigemptyset(&mask)
    posix_spawnattr_setsigmask(&attributes, &mask)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    let argv = arguments.map { strdup($0) }
    let envp = environment.map { strdup("\($0.key)=\($0.value)") }
    defer { for pointer in argv + envp { free(pointer) } }
    var child: pid_t = 0
    let code = posix_spawnp(&child, name, nil, &attributes, argv + [nil], envp + [nil])
    guard code == 0 else {
      throw CLIFailure(
        .failed, "starting \"\(name)\" failed: \(String(cString: strerror(code)))",
        remedy: name == "psql"
          ? "install PostgreSQL's client (Debian: apt install postgresql-client), or give --exec"
          : "check the name and that it may be run")
    }
    return child
  }

  private static func wait(for child: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { return CLIExit.failed.rawValue }
    }
    // The macros of wait(2): the low seven bits name the signal, the next byte is the exit code.
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }
}
