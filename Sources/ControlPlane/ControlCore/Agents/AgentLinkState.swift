internal import APIModel
internal import GatewayModel

/// How an agent's link stands, as it is shown.
enum AgentLinkState: String {
  case online
  case offline
  case removed
  case locked
}

extension EnrolledAgent {
  /// Online is an agent that was seen not long ago and whose link was not seen to end since.
  func link(at now: WallTime, _ settings: ControlSettings) -> AgentLinkState {
    if removedAt != nil { return .removed }
    if lockedAt != nil { return .locked }
    guard let lastSeenAt else { return .offline }
    if let detachedAt, detachedAt >= lastSeenAt { return .offline }
    let silence = now.unixNanoseconds - lastSeenAt.unixNanoseconds
    return Double(silence) / 1e6 <= settings.offlineAfter.milliseconds ? .online : .offline
  }

  /// The form the API answers with.
  func info(
    at now: WallTime, currentBundleVersion: UInt64, _ settings: ControlSettings
  ) -> AgentInfo {
    AgentInfo(
      id: id.description, segment: segment, hostname: hostname, clientAddress: clientAddress,
      version: version, link: link(at: now, settings).rawValue,
      lastSeenAt: lastSeenAt.map(TimeText.text), enrolledAt: TimeText.text(enrolledAt),
      certificateExpiresAt: TimeText.text(certificateExpiresAt),
      health: health?.state ?? "unknown", problems: health?.problems ?? [],
      openSessions: Int(clamping: health?.openSessions ?? 0),
      backlogRecords: Int(clamping: health?.backlogRecords ?? 0),
      bundleVersion: Int(clamping: bundleVersion),
      currentBundleVersion: Int(clamping: currentBundleVersion),
      rejectedBundle: rejection.map {
        RejectedBundle(
          document: $0.document == .bundle ? nil : $0.document.rawValue,
          version: Int(clamping: $0.version), reason: $0.reason, detail: $0.detail,
          at: TimeText.text($0.at))
      },
      quarantine: quarantine.map { Quarantine(at: TimeText.text($0.at), reason: $0.reason) })
  }
}
