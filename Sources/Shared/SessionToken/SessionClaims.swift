import JWTKit

/// The claims of a session token (RFC 7519 section 4, RFC 8693 section 4.1 for `act`).
///
/// Times are JSON numbers of seconds, which may have a fraction (RFC 7519 section 2). Claims that
/// are not listed are tolerated.
struct SessionClaims: JWTPayload, Equatable {
  var iss: String
  var aud: Audience
  var sub: String
  var name: String?
  var groups: [String]?
  var kind: String?
  var jti: String
  var iat: Double
  var nbf: Double?
  var exp: Double
  var txn: String?
  var act: ActorClaim?

  /// Judged by ``TokenVerifier``, which has the time and the audience at hand.
  func verify(using algorithm: some JWTAlgorithm) throws {}

  /// One string or an array of them.
  struct Audience: Codable, Equatable, Sendable {
    var names: [String]

    init(names: [String]) { self.names = names }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let name = try? container.decode(String.self) {
        names = [name]
      } else {
        names = try container.decode([String].self)
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(names)
    }
  }
}

/// An actor and, inside it, who acted before.
indirect enum ActorClaim: Codable, Equatable, Sendable {
  case actor(subject: String, profile: String?, before: ActorClaim?)

  private enum Keys: String, CodingKey {
    case sub
    case profile = "sub_profile"
    case act
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    self = .actor(
      subject: try container.decode(String.self, forKey: .sub),
      profile: try container.decodeIfPresent(String.self, forKey: .profile),
      before: try container.decodeIfPresent(ActorClaim.self, forKey: .act))
  }

  func encode(to encoder: any Encoder) throws {
    guard case .actor(let subject, let profile, let before) = self else { return }
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(subject, forKey: .sub)
    try container.encodeIfPresent(profile, forKey: .profile)
    try container.encodeIfPresent(before, forKey: .act)
  }
}
