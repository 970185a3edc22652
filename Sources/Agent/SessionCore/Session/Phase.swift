internal import NIOCore
internal import PostgresWire

/// Where a session stands.
enum Phase: Sendable {
  /// Nothing has happened. Next: ``startup``.
  case created
  /// Waits for the StartupMessage. Next: ``password``, or the end.
  case startup
  /// Waits for the token. Next: ``verifying``.
  case password(StartupParameters)
  /// Waits for the verdict on the token. Next: ``connecting``.
  case verifying(StartupParameters)
  /// Waits for the server leg. Next: ``authenticating``.
  case connecting(StartupParameters)
  /// Logs in at the server. Next: ``starting``.
  case authenticating(StartupParameters, ServerAuthentication)
  /// The server logged the agent in and says how it is set up. Next: ``ready``.
  case starting(StartupParameters)
  /// Statements pass. Next: ``draining``, or the end.
  case ready
  /// The client is gone or may say nothing more; the server's last answers come in.
  case draining
  case closed
}

/// Why the core reads no further from the client, with what it has to read later.
enum ClientStall: Equatable, Sendable {
  /// The session is not ready for statements.
  case login
  /// What a Bind refers to depends on replies that have not come.
  case unsettledStatement(WireName)
  /// What an Execute refers to depends on replies that have not come.
  case unsettledPortal(WireName)
  /// By which settings the server reads a text depends on replies that have not come.
  case unsettledParser
  /// Too many replies are outstanding.
  case pendingReplies
}
