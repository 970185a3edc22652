import Foundation
import Glibc
import Synchronization

/// What still runs or lies about when the test process ends.
///
/// A value that a suite shares is never released, so its deinitialiser does not run; without this
/// its servers and folders would outlive the tests.
enum Leftovers {
  private static let processes = Mutex<Set<pid_t>>([])
  private static let clusters = Mutex<Set<String>>([])
  private static let folders = Mutex<Set<String>>([])
  private static let atTheEnd: Void = {
    atexit {
      for process in Leftovers.processes.withLock({ $0 }) {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
      }
      for data in Leftovers.clusters.withLock({ $0 }) { Leftovers.stopCluster(data: data) }
      // Last: nobody writes to them any more.
      for folder in Leftovers.folders.withLock({ $0 }) {
        try? FileManager.default.removeItem(atPath: folder)
      }
    }
  }()

  static func began(_ process: pid_t) {
    _ = atTheEnd
    processes.withLock { _ = $0.insert(process) }
  }

  static func ended(_ process: pid_t) { processes.withLock { _ = $0.remove(process) } }

  static func began(folder path: String) {
    _ = atTheEnd
    folders.withLock { _ = $0.insert(path) }
  }

  static func ended(folder path: String) { folders.withLock { _ = $0.remove(path) } }

  static func began(cluster data: String) {
    _ = atTheEnd
    clusters.withLock { _ = $0.insert(data) }
  }

  /// Stops the cluster in `data` at once, if it runs.
  ///
  /// The postmaster's id stands in the first line of its pid file; SIGQUIT is an immediate stop.
  static func stopCluster(data: String) {
    clusters.withLock { _ = $0.remove(data) }
    let text = (try? String(contentsOfFile: "\(data)/postmaster.pid", encoding: .utf8)) ?? ""
    guard let first = text.split(separator: "\n").first, let process = pid_t(first) else { return }
    kill(process, SIGQUIT)
    for _ in 0..<200 where kill(process, 0) == 0 { usleep(20_000) }
  }
}
