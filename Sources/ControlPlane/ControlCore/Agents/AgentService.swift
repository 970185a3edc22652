package import APIModel
package import GatewayModel

/// Invites, enrols, lists and removes agents, and keeps what they say of themselves.
package struct AgentService: Sendable {
  let store: any AgentStore
  let bundles: BundleService
  let tests: ConnectionTests
  let keys: ControlKeys
  let settings: ControlSettings
  let surroundings: Surroundings

  // For people.

  /// Makes a join token for one agent.
  ///
  /// - Throws: `invalid` naming the field.
  package func invite(
    _ draft: InvitationDraft, by caller: Caller
  ) async throws(ControlError) -> Invitation { throw ControlError(.notFound, "") }
  /// The agents that were not removed.
  package func list(by caller: Caller) async throws(ControlError) -> [AgentInfo] { [] }
  /// The one agent whose id is or begins with `prefix`, also a removed one.
  ///
  /// - Throws: `notFound`, or `invalid` when several begin so.
  package func show(_ prefix: String, by caller: Caller) async throws(ControlError) -> AgentInfo {
    throw ControlError(.notFound, "")
  }
  /// Removes an agent; its link is cut within a poll interval at every replica.
  ///
  /// - Throws: `notFound`, or `invalid` when several ids begin so.
  package func remove(_ prefix: String, by caller: Caller) async throws(ControlError) {}
  /// The keys that credentials of a segment are sealed to.
  package func sealingKeys(
    segment: String, by caller: Caller
  ) async throws(ControlError) -> [SealingKey] { [] }

  // For agents.

  /// Enrols the agent that holds an invitation's secret. Needs no API token.
  ///
  /// - Throws: `invalid` for a bad request, `unauthorized` when the invitation is unknown, spent
  ///   or expired.
  package func enrol(_ request: EnrollRequest) async throws(ControlError) -> EnrollResponse {
    throw ControlError(.notFound, "")
  }
  /// The agent of a link whose certificate the transport has verified; call it for every call.
  ///
  /// - Throws: `forbidden` when it is unknown or removed.
  package func admit(_ id: AgentID) async throws(ControlError) -> EnrolledAgent {
    throw ControlError(.forbidden, "")
  }
  /// A new certificate for an agent that is attached with the old one.
  package func renew(
    _ id: AgentID, csrPEM: String
  ) async throws(ControlError) -> RenewedCertificate { throw ControlError(.notFound, "") }
  package func greeted(_ id: AgentID, _ greeting: AgentGreeting) async throws(ControlError) {}
  package func reported(_ id: AgentID, _ health: AgentHealthReport) async throws(ControlError) {}
  package func judged(_ id: AgentID, _ verdict: BundleVerdictReport) async throws(ControlError) {}
  /// Notes that the link that was opened at `attachedAt` ended.
  package func detached(_ id: AgentID, attachedAt: WallTime) async throws(ControlError) {}
}

/// What a renewing agent gets.
package struct RenewedCertificate: Sendable, Equatable {
  package var chainPEM: String
  package var authoritiesPEM: String
  package init(chainPEM: String, authoritiesPEM: String) {
    self.chainPEM = chainPEM
    self.authoritiesPEM = authoritiesPEM
  }
}
