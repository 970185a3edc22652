internal import PostgresWire

/// The protocol version of the server leg: asked for, then perhaps negotiated down.
///
/// PostgreSQL documentation, section 54.2.1.1 "Protocol Versions and Negotiation". Stricter than
/// that is nothing but good: the checks are those of libpq.
struct ServerVersion: Equatable, Sendable {
  private(set) var current: ProtocolVersion
  /// The server has said nothing yet, so that it may still negotiate.
  private(set) var isFirst = true

  init(asking version: ProtocolVersion) { current = version }

  /// The server went on to something else: the version stands.
  mutating func settle() { isFirst = false }

  /// Takes NegotiateProtocolVersion.
  ///
  /// - Returns: What is wrong with it; `nil` when the leg goes on with the older version.
  mutating func negotiate(_ answer: BackendMessage.NegotiateProtocolVersion) -> String? {
    guard isFirst else { return "NegotiateProtocolVersion when it is not due" }
    settle()
    guard answer.unknownOptions.isEmpty else {
      return "NegotiateProtocolVersion about options that it was not asked for"
    }
    // 3.1 was never published.
    let reserved = ProtocolVersion(major: 3, minor: 1)
    guard answer.newest >= .v3_0, answer.newest < current, answer.newest != reserved else {
      return "NegotiateProtocolVersion to \(answer.newest) where \(current) was asked for"
    }
    current = answer.newest
    return nil
  }

  /// What is wrong with a cancel key of that length in this version; `nil` when nothing is.
  func objection(to key: CancelKey) -> String? {
    let count = key.secret.bytes.count
    guard count != 4, !current.hasLongCancelKeys else { return nil }
    return "a cancel key of \(count) bytes; protocol \(current) has 4"
  }

  /// What an error in answer to the StartupMessage adds for the operator: an old server or pooler
  /// knows only one version, and does not negotiate.
  func remedy(for error: ServerError) -> String? {
    guard isFirst, current > .v3_0, ["0A000", "08P01"].contains(error.sqlstate) else { return nil }
    return "; if it does not negotiate protocol \(current), start the agent with"
      + " --server-protocol 3.0"
  }
}
