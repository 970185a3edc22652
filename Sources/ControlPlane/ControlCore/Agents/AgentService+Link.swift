package import GatewayModel
internal import Logging

// What agents say on their links. The transport has verified the certificate.
extension AgentService {
  static let maximumProblems = 50
  static let maximumTextBytes = 2000
  static let reasonNotGiven = "not_given"

  /// The agent of a link; call it for every call.
  ///
  /// - Throws: `forbidden` when it is unknown, removed or locked.
  package func admit(_ id: AgentID) async throws(ControlError) -> EnrolledAgent {
    guard let agent = try await store.agent(id) else { throw Self.unknown(id) }
    guard agent.removedAt == nil else { throw Self.removed(id) }
    guard agent.lockedAt == nil else { throw Self.locked(id) }
    return agent
  }

  /// Takes the introduction of an agent on a new link.
  package func greeted(_ id: AgentID, _ greeting: AgentGreeting) async throws(ControlError) {
    var greeting = greeting
    greeting.version = Self.clipped(greeting.version)
    greeting.hostname = Self.clipped(greeting.hostname)
    greeting.clientAddress = Self.clipped(greeting.clientAddress)
    try await store.greeted(id, greeting, at: surroundings.now())
    guard greeting.acceptedBundleVersion > 0, let agent = try await store.agent(id) else { return }
    try await bundles.catchUp(
      segment: agent.segment, accepted: greeting.acceptedBundleVersion)
  }

  package func reported(
    _ id: AgentID, _ health: AgentHealthReport
  ) async throws(ControlError) {
    var health = health
    if !["ok", "degraded", "failing"].contains(health.state) { health.state = "unknown" }
    health.problems = health.problems.prefix(Self.maximumProblems).map(Self.clipped)
    try await store.reported(id, health, at: surroundings.now())
  }

  /// Takes what an agent says of a bundle; a refusal shows in `agents list` until a newer one is
  /// accepted.
  ///
  /// The log has it also when the store cannot take it.
  package func judged(
    _ id: AgentID, _ verdict: BundleVerdictReport
  ) async throws(ControlError) {
    var verdict = verdict
    verdict.reason = Self.clipped(verdict.reason)
    verdict.detail = Self.clipped(verdict.detail)
    if !verdict.accepted, verdict.reason.allSatisfy(\.isWhitespace) {
      verdict.reason = Self.reasonNotGiven
    }
    log(verdict, of: id)
    guard !verdict.accepted else {
      return try await store.judged(id, verdict, at: surroundings.now())
    }
    let action: ControlAction =
      switch verdict.document {
      case .bundle: .rejectBundle
      case .lease: .rejectLease
      case .root: .rejectRoot
      }
    let entry = log.act(action, on: id.description, by: .agent(id)) { [verdict] in
      [
        verdict.document.rawValue: .number(Int(clamping: verdict.version)),
        "reason": .text(verdict.reason),
        "detail": .text(verdict.detail),
      ]
    }
    try await store.recording(entry).judged(id, verdict, at: surroundings.now())
  }

  private func log(_ verdict: BundleVerdictReport, of id: AgentID) {
    let document = verdict.document.rawValue
    var metadata: Logger.Metadata = ["agent": "\(id)", "\(document)": "\(verdict.version)"]
    guard !verdict.accepted else {
      surroundings.logger.info("\(document) accepted by an agent", metadata: metadata)
      return
    }
    metadata["reason"] = "\(verdict.reason)"
    if !verdict.detail.isEmpty { metadata["detail"] = "\(verdict.detail)" }
    surroundings.logger.warning("\(document) refused by an agent", metadata: metadata)
  }

  /// Notes that the link that was opened at `attachedAt` ended.
  package func detached(_ id: AgentID, attachedAt: WallTime) async throws(ControlError) {
    try await store.detached(id, attachedAt: attachedAt, at: surroundings.now())
  }

  package static func unknown(_ id: AgentID) -> ControlError {
    ControlError(
      .forbidden, "The agent \"\(id)\" is not enrolled here.",
      remedy: "Invite it anew with `sallyport agents invite`, then enrol it.")
  }

  /// Agents are told, and end their clients' sessions.
  static func removed(_ id: AgentID) -> ControlError {
    var error = ControlError(
      .forbidden, "The agent \"\(id)\" was removed.",
      remedy: "Invite it anew with `sallyport agents invite`, then enrol it.")
    error.isRemoval = true
    return error
  }

  static func locked(_ id: AgentID) -> ControlError {
    ControlError(
      .forbidden, "The identity of the agent \"\(id)\" is locked: two hosts have used it.",
      remedy: "Find out which of them is genuine, see to it that the other is gone, then run"
        + " `sallyport agents release`.")
  }

  private static func clipped(_ text: String) -> String {
    guard text.utf8.count > maximumTextBytes else { return text }
    return text.prefix(utf8Bytes: maximumTextBytes) + "…"
  }
}
