package import GatewayModel

/// Why a session token was refused.
///
/// The message is for the agent's log and the record; it quotes claims but never the token. The
/// client sees one wording for all of them.
package struct TokenError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable, CaseIterable {
    case malformed
    case signature
    case unknownKey
    case expired
    case notYetValid
    case issuer
    case audience
  }

  package var code: Code
  package var message: String
  /// Whose token it is, where its signature was good and only its claims were not.
  package var holder: VerifiedToken?

  package init(code: Code, message: String, holder: VerifiedToken? = nil) {
    self.code = code
    self.message = message
    self.holder = holder
  }

  /// The code as it stands in the record.
  package var reason: ReasonCode {
    switch code {
    case .malformed: .tokenMalformed
    case .signature: .tokenSignature
    case .unknownKey: .tokenUnknownKey
    case .expired: .tokenExpired
    case .notYetValid: .tokenNotYetValid
    case .issuer: .tokenIssuer
    case .audience: .tokenAudience
    }
  }

  package var description: String { "session token refused (\(reason.rawValue)): \(message)" }
}
