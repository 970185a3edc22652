import Dispatch

/// Those who wait for records of one log on the medium.
struct SyncRequests {
  /// What is called with one behind the last record on the medium, or why there is none.
  typealias Answer = @Sendable (Result<UInt64, RecordLogError>) -> Void

  /// How many can wait at a time; the sessions of an event loop wait as one.
  static let maximum = 64

  private var waiting: [(seq: UInt64, answer: Answer)] = []
  /// A sync for those who wait has been asked for and has not begun.
  var isSyncDue = false

  var isFull: Bool { waiting.count >= Self.maximum }

  mutating func add(_ seq: UInt64, _ answer: @escaping Answer) { waiting.append((seq, answer)) }

  /// Takes out those whose records are below `synced`.
  mutating func take(below synced: UInt64) -> [Answer] {
    guard !waiting.isEmpty else { return [] }
    defer { waiting.removeAll { $0.seq <= synced } }
    return waiting.filter { $0.seq <= synced }.map(\.answer)
  }

  mutating func takeAll() -> [Answer] {
    defer { waiting.removeAll() }
    return waiting.map(\.answer)
  }
}

extension LaneState {
  /// Calls back, once, when everything below `seq` is on the medium, or when it cannot be brought
  /// there. A `seq` beyond what is committed stands for what is committed.
  ///
  /// The sync runs on a queue of the lane's own; one runs at a time, and all who ask while it does
  /// share the next. `answer` comes on any thread, also before this returns, and must not sync.
  func whenSynced(_ seq: UInt64, _ answer: @escaping SyncRequests.Answer) {
    enum Outcome {
      case answered(Result<UInt64, RecordLogError>)
      case waiting(needsSync: Bool)
    }
    let outcome = withState { state -> Outcome in
      if let failure = state.syncFailure { return .answered(.failure(failure)) }
      let wanted = min(seq, state.committedSeq)
      if state.syncedSeq >= wanted { return .answered(.success(state.syncedSeq)) }
      guard !state.syncRequests.isFull else { return .answered(.failure(tooMany)) }
      state.syncRequests.add(wanted, answer)
      defer { state.syncRequests.isSyncDue = true }
      return .waiting(needsSync: !state.syncRequests.isSyncDue)
    }
    switch outcome {
    case .answered(let result): answer(result)
    case .waiting(let needsSync): if needsSync { requests.async { self.synchronizeForRequests() } }
    }
  }

  private func synchronizeForRequests() {
    // Before the sync, so that who asks during it gets the next one.
    withState { $0.syncRequests.isSyncDue = false }
    synchronize()
  }

  private var tooMany: RecordLogError {
    RecordLogError(
      code: .busy,
      message: "cannot wait for a sync of log \(log): \(SyncRequests.maximum) wait already; let "
        + "the sessions of a lane wait as one")
  }
}

extension LaneWriter {
  /// Calls back, once, when everything below `seq` is on the medium, with one behind the last
  /// record there; or with why it cannot be brought there: then the lane takes nothing more.
  ///
  /// Returns at once; the sync runs elsewhere, and is shared with all who ask meanwhile. `answer`
  /// comes on any thread, also before this returns.
  package func whenSynced(
    _ seq: UInt64, _ answer: @escaping @Sendable (Result<UInt64, RecordLogError>) -> Void
  ) {
    lane.whenSynced(seq, answer)
  }

  /// Takes over the failure of a sync at once; otherwise the next commit does.
  package func noticeSyncFailure() {
    guard case .open = standing, let failure = lane.withState({ $0.syncFailure }) else { return }
    fail(failure)
  }
}
