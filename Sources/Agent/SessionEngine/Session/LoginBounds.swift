internal import GatewayModel
internal import PolicyEngine

/// What a session is held to by what it was given at its login: settings of the server leg, limits of
/// the grant that let it in, and the connection's own.
///
/// Later bundles do not change them. A session whose bounds would be narrower now ends, and the next
/// login has them.
struct LoginBounds: Equatable {
  private let isReadOnly: Bool
  private let limits: GrantLimits
  private let allowsFunctionCalls: Bool
  private let maximumRows: Int?
  private let isPowerSafe: Bool

  init(_ policy: SessionPolicy, _ connection: Connection) {
    isReadOnly = policy.isReadOnly
    limits = policy.limits
    allowsFunctionCalls = connection.allowsFunctionCalls == true
    maximumRows = connection.maximumRows
    isPowerSafe = connection.durability == .powerSafe
  }

  /// Whether a session that was given `self` keeps within `other`.
  func isWithin(_ other: LoginBounds) -> Bool {
    (isReadOnly || !other.isReadOnly)
      && (!allowsFunctionCalls || other.allowsFunctionCalls)
      && (isPowerSafe || !other.isPowerSafe)
      && Self.isWithin(maximumRows, other.maximumRows)
      && Self.isWithin(
        limits.statementTimeout?.milliseconds, other.limits.statementTimeout?.milliseconds)
      && Self.isWithin(limits.idleTimeout?.milliseconds, other.limits.idleTimeout?.milliseconds)
      && Self.isWithin(limits.maximumStatementBytes, other.limits.maximumStatementBytes)
  }

  private static func isWithin(_ given: Int?, _ bound: Int?) -> Bool {
    guard let bound else { return true }
    return given.map { $0 <= bound } ?? false
  }
}
