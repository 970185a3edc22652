internal import AgentLink
internal import AgentState
internal import AuditLog
internal import Foundation
internal import GatewayModel
internal import Logging
internal import Synchronization
internal import Telemetry

/// Watches the control plane's own log on behalf of everyone: what it has shown this agent once, it
/// can never take back or change without being found out.
///
/// Each answer to a shipment shows the log's signed checkpoint with the proof that it begins with the
/// one that was accepted last. One that does not fit is an alarm; shipping goes on all the same,
/// since the records are safest with whoever else keeps them.
final class ControlWitness: Sendable {
  /// What an answer is held against: the last accepted checkpoint when the shipment was sent.
  struct Claim: Sendable {
    fileprivate let known: Checkpoint?
    fileprivate let acceptances: UInt64
    /// For the request; 0 for none.
    var size: UInt64 { known?.size ?? 0 }
  }

  private struct State {
    var known: Checkpoint?
    var note: [UInt8] = []
    /// The conflict that was told last, so that each is told once.
    var told: WitnessConflictRecord.Reason?
    /// Whether that is kept, for a person to accept.
    var isKept = false
    /// How often a person has accepted another log.
    var acceptances: UInt64 = 0
    /// One is being recorded.
    var isAccepting = false
    /// Since when answers have shown nothing of the log.
    var hiddenSince: ContinuousClock.Instant?
    var isHiddenTold = false
  }

  /// How long answers may show nothing of the log, as when its database is slow.
  private static let patience = Duration.seconds(300)

  private let watched: WitnessedLog?
  private let state: Mutex<State>
  private let store: AgentState
  private let status: LinkStatus
  private let logger: Logger
  private let record: @Sendable (WitnessConflictRecord) async -> Bool

  /// - Parameter record: Writes a conflict into the agent's log, and says whether it is there.
  init(
    store: AgentState, enrolment: Enrolment, status: LinkStatus, logger: Logger,
    record: @escaping @Sendable (WitnessConflictRecord) async -> Bool
  ) async throws {
    self.store = store
    self.status = status
    self.logger = logger
    self.record = record
    watched = Self.watched(enrolment)
    var state = State()
    if let watched, let note = try await store.controlCheckpoint() {
      // What was kept was verified; kept under other keys it is no checkpoint of this log.
      state.known = watched.checkpoint(signed: note)
      if state.known != nil { state.note = note }
    }
    if let conflict = try await store.controlConflict() {
      state.isKept = true
      state.told = WitnessConflictRecord.Reason(rawValue: conflict.reason)
      status.witnessing(conflict: state.told.map { Self.text($0, folder: store.path) })
    }
    self.state = Mutex(state)
    if watched == nil {
      status.witnessing(
        problem: "the agent does not watch the control plane's own log, since it was enrolled"
          + " before there was one: enrol it again in an empty state folder to have it watch")
      logger.warning("the control plane's own log is not watched: enrol again to watch it")
    }
  }

  private static func watched(_ enrolment: Enrolment) -> WitnessedLog? {
    guard let key = enrolment.auditPublicKey.flatMap({ Data(base64Encoded: $0) }),
      let log = enrolment.controlLog.flatMap({ LogID(text: $0) })
    else { return nil }
    return try? WitnessedLog(log: log, publicKey: key)
  }

  /// To be taken before a shipment, whose answer is then judged by it.
  func claim() -> Claim {
    state.withLock { Claim(known: $0.known, acceptances: $0.acceptances) }
  }

  /// Judges what an answer shows of the control plane's log.
  func judge(_ answer: Sallyport_Link_V1_ShipResponse, against claim: Claim) async {
    guard let watched else { return }
    // Nothing is read from the database for an agent that is told to wait.
    guard answer.status != .retryLater || !answer.controlCheckpoint.isEmpty else { return }
    noteHidden(answer.controlCheckpoint.isEmpty)
    guard !answer.controlCheckpoint.isEmpty else { return }
    let note = Array(answer.controlCheckpoint)
    let proof = answer.controlConsistency.compactMap { Hash256(bytes: $0) }
    let isWhole = proof.count == answer.controlConsistency.count
    switch watched.judge(note, against: claim.known, proof: isWhole ? proof : []) {
    case .same: await settled(claim)
    case .newer(let checkpoint): await accept(checkpoint, note, claim)
    case .conflict(let reason):
      guard await !takeAcceptance(claim) else { return }
      await alarm(reason, offered: note, claim)
    }
  }

  /// A log that is not shown any more could have been changed: it counts as a problem after a while.
  private func noteHidden(_ isHidden: Bool) {
    let change = state.withLock { state -> Bool? in
      guard isHidden else {
        defer { (state.hiddenSince, state.isHiddenTold) = (nil, false) }
        return state.isHiddenTold ? false : nil
      }
      let since = state.hiddenSince ?? .now
      state.hiddenSince = since
      guard !state.isHiddenTold, ContinuousClock.now - since > Self.patience else { return nil }
      state.isHiddenTold = true
      return true
    }
    guard let change else { return }
    let problem =
      "the control plane has shown nothing of its own log for over"
      + " \(Self.patience.components.seconds / 60) minutes: look for errors in its log"
    status.witnessing(problem: change ? problem : nil)
    if change { logger.error("the control plane's own log is not shown") }
  }

  /// Several lanes have their answers at once; the first one is taken, and those that were made for
  /// the same claim are left, since nothing proves how they fit to it.
  private func accept(_ checkpoint: Checkpoint, _ note: [UInt8], _ claim: Claim) async {
    let isTaken = state.withLock { state in
      guard state.known == claim.known else { return false }
      (state.known, state.note) = (checkpoint, note)
      return true
    }
    guard isTaken else { return }
    await settled(Claim(known: checkpoint, acceptances: claim.acceptances))
    await keep(note)
  }

  private func keep(_ note: [UInt8]) async {
    do {
      try await store.keepControlCheckpoint(note)
    } catch {
      // It is remembered until the agent ends; the next one is tried again.
      logger.error(
        "the control plane's checkpoint is not kept", metadata: [LogKey.error: "\(error)"])
    }
  }

  private func settled(_ claim: Claim) async {
    let (wasTold, wasKept) = state.withLock { state in
      guard state.known == claim.known else { return (false, false) }
      defer { (state.told, state.isKept) = (nil, false) }
      return (state.told != nil, state.isKept)
    }
    if wasKept {
      do {
        // With an acceptance that came too late: it was of that conflict only.
        try await store.forgetControlConflict()
      } catch {
        logger.error(
          "the conflict with the control plane's log is not forgotten",
          metadata: [LogKey.error: "\(error)"])
        state.withLock { $0.isKept = true }
      }
    }
    guard wasTold else { return }
    status.witnessing(conflict: nil)
    logger.notice("the control plane's own log fits again what the agent has seen of it")
  }

  /// Trusts the log that was offered when the conflict was kept, if a person has accepted that on
  /// this host; the next answers have to begin with it.
  ///
  /// The record stands before the trust does: where it cannot be written, the next answer tries
  /// again.
  ///
  /// - Returns: Whether the claim is no longer of use: another log is trusted now, or about to be.
  private func takeAcceptance(_ claim: Claim) async -> Bool {
    let conflict: ControlLogConflict?
    do { conflict = try await store.controlConflict() } catch {
      logger.error(
        "whether the control plane's log was accepted is not known",
        metadata: [LogKey.error: "\(error)"])
      return false
    }
    // Nothing is trusted that another key has signed.
    guard let conflict, let reason = conflict.acceptance,
      let checkpoint = watched?.checkpoint(signed: conflict.offered)
    else { return false }
    let before = state.withLock { state -> [UInt8]? in
      guard state.acceptances == claim.acceptances, state.known == claim.known,
        !state.isAccepting
      else { return nil }
      state.isAccepting = true
      return state.note
    }
    guard let before else { return true }
    let isRecorded = await record(
      WitnessConflictRecord(
        knownCheckpoint: before, offeredCheckpoint: conflict.offered,
        reason: "accepted: \(reason)"))
    let isTrusted = state.withLock { state in
      state.isAccepting = false
      // It may fit again meanwhile.
      guard isRecorded, state.known == claim.known else { return false }
      (state.known, state.note) = (checkpoint, conflict.offered)
      (state.told, state.isKept) = (nil, false)
      state.acceptances += 1
      return true
    }
    guard isTrusted else {
      if !isRecorded {
        logger.error("the acceptance of the control plane's log waits, since it is not recorded")
      }
      return true
    }
    status.witnessing(conflict: nil)
    logger.notice(
      "another log of the control plane is trusted, since it was accepted on this host",
      metadata: [
        LogKey.reason: "\(reason)", "known": "\(String(decoding: before, as: UTF8.self))",
        "accepted": "\(String(decoding: conflict.offered, as: UTF8.self))",
      ])
    await keep(conflict.offered)
    return true
  }

  private func alarm(
    _ reason: WitnessConflictRecord.Reason, offered: [UInt8], _ claim: Claim
  ) async {
    let offered = Array(offered.prefix(SignedNote.maximumBytes))
    let (known, isNews, isKept) = state.withLock { state -> ([UInt8], Bool, Bool) in
      // Another log was accepted since the shipment went.
      guard state.acceptances == claim.acceptances else { return ([], false, true) }
      defer { (state.told, state.isKept) = (reason, true) }
      return (state.note, state.told != reason, state.isKept && state.told == reason)
    }
    if !isKept {
      do { try await store.keepControlConflict(reason.rawValue, offered: offered) } catch {
        logger.error(
          "the conflict with the control plane's log is not kept",
          metadata: [LogKey.error: "\(error)"])
        state.withLock { $0.isKept = false }
      }
    }
    guard isNews else { return }
    status.witnessing(conflict: Self.text(reason, folder: store.path))
    logger.error(
      "the control plane's own log was changed",
      metadata: [
        LogKey.reason: "\(reason.rawValue)",
        "known": "\(String(decoding: known, as: UTF8.self))",
        "offered": "\(String(decoding: offered, as: UTF8.self))",
      ])
    _ = await record(
      WitnessConflictRecord(
        knownCheckpoint: known, offeredCheckpoint: offered, reason: reason.rawValue))
  }

  private static func text(_ reason: WitnessConflictRecord.Reason, folder: String) -> String {
    let what =
      switch reason {
      case .signature: "is not signed with the key that the agent was enrolled with"
      case .behind: "is shorter than it was: records of it are gone"
      case .root: "has other records than it had"
      case .proof: "does not begin with the records that it had"
      }
    let remedy =
      reason == .signature
      ? "enrol the agent again"
      : "run `sallyport-agent accept-control-log --state \(folder) --reason …` on its host"
    return "the control plane's own log \(what). Somebody has changed it, or its database was put"
      + " back to an earlier state: find out which before you trust its audit trail. The agent goes"
      + " on working and shipping; if the change was yours, \(remedy)"
  }
}
