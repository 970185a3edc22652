package import GatewayModel

/// Issues each segment's bundle and hands it to those who wait for it.
package struct BundleService: Sendable {
  let store: any BundleStore
  let keys: ControlKeys
  let settings: ControlSettings
  let surroundings: Surroundings

  init(
    store: any BundleStore, keys: ControlKeys, settings: ControlSettings,
    surroundings: Surroundings
  ) {
    self.store = store
    self.keys = keys
    self.settings = settings
    self.surroundings = surroundings
  }

  /// The newest bundle of a segment; issues the first one when there is none.
  package func currentBundle(segment: String) async throws(ControlError) -> IssuedBundle {
    throw ControlError(.notFound, "")
  }

  /// Waits until the agent's segment has a bundle newer than `version` and returns it.
  ///
  /// For the loop of a link: call it again after each answer.
  /// - Parameter version: what the agent was sent last on this link; 0 at its start.
  /// - Returns: `nil` when `deadline` passed without a newer one.
  /// - Throws: `forbidden` as soon as the agent is removed: cut the link.
  package func nextBundle(
    for agent: AgentID, segment: String, after version: UInt64, within deadline: Duration
  ) async throws(ControlError) -> IssuedBundle? { nil }

  /// Polls the store and wakes who waits, until the task is cancelled.
  package func run() async {}
}
