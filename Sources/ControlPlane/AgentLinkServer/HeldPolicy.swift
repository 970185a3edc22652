import Synchronization

/// What an agent has of the policy, by its own word on one link.
///
/// A document that was sent is not one that is held: the agent says so of each, and what it has
/// refused it has to get again. Its numbers are believed, since they are about itself alone.
final class HeldPolicy: Sendable {
  /// The newest that it has; 0 for none.
  struct Versions: Sendable, Equatable {
    var bundle: UInt64
    var root: UInt64
  }

  private struct State {
    var versions = Versions(bundle: 0, root: 0)
    var hasRefused = false
  }

  private let state = Mutex(State())

  /// Takes what the agent says that it has as it attaches.
  func greet(_ versions: Versions) { state.withLock { $0.versions = versions } }

  /// Takes the agent's verdict; a refused lease says that its bundle is not there, or the root
  /// document that its key stands in.
  ///
  /// - Parameter document: As it stands in the verdict: `bundle` (also when empty), `lease` or
  ///   `root`.
  func take(_ document: String, version: UInt64, accepted: Bool) {
    state.withLock { state in
      guard accepted else {
        state.hasRefused = true
        return
      }
      switch document {
      case "bundle", "": state.versions.bundle = max(state.versions.bundle, version)
      case "root": state.versions.root = max(state.versions.root, version)
      default: break
      }
    }
  }

  /// What to begin from once more; `nil` when nothing was refused since the last call.
  func takeRefusal() -> Versions? {
    state.withLock { state in
      guard state.hasRefused else { return nil }
      state.hasRefused = false
      return state.versions
    }
  }
}
