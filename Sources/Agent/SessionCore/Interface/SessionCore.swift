package import GatewayModel

/// One client session as a state machine: events in, effects out.
///
/// Pure: no clock, randomness, channel or promise inside. Peer bytes never trap. The same events
/// at the same times give the same effects.
package struct SessionCore: Sendable {
  package init(configuration: SessionConfiguration) {}

  /// Takes a fact in and says what to do about it.
  ///
  /// Events after both legs closed are taken without effect.
  package mutating func handle(_ event: consuming Event, at now: MonotonicTime) -> Effects {
    Effects()
  }

  /// The server's own key, for a CancelRequest on the session's behalf; `nil` until it is known.
  package var serverCancelKey: CancelKey? { nil }
  /// The statement the server is answering now; `nil` when it is idle.
  package var currentStatement: StatementID? { nil }
  /// Whether the first ReadyForQuery has reached the client.
  package var isReady: Bool { false }
  /// Both legs are closed or to be closed, and nothing more will be recorded.
  package var isClosed: Bool { false }
  /// Peer bytes held inside now, for memory accounting.
  package var bufferedBytes: Int { 0 }
}
