/// A verified person or service.
package struct Principal: Hashable, Sendable, Codable {
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    case user
    case service
    case aiAgent = "ai_agent"
  }

  /// Who vouches for the subject, for example `sallyport`.
  package var issuer: String
  /// The subject as the issuer names it, for example `alice@example.com`.
  package var subject: String
  package var displayName: String?
  package var groups: [String]
  package var kind: Kind

  package init(
    issuer: String, subject: String, displayName: String? = nil, groups: [String] = [],
    kind: Kind = .user
  ) {
    self.issuer = issuer
    self.subject = subject
    self.displayName = displayName
    self.groups = groups
    self.kind = kind
  }
}

/// One hop of an actor chain.
package struct Actor: Hashable, Sendable, Codable {
  package var subject: String
  package var kind: Principal.Kind
  /// Whether a signature vouches for this hop; an unverified hop is only *asserted*.
  package var verified: Bool

  package init(subject: String, kind: Principal.Kind, verified: Bool) {
    self.subject = subject
    self.kind = kind
    self.verified = verified
  }
}

/// Who acts for whom: the current actor first, the root principal last.
package struct ActorChain: Hashable, Sendable, Codable {
  package var actors: [Actor]
  package init(actors: [Actor]) { self.actors = actors }

  /// A principal who acts in person.
  package init(principal: Principal) {
    actors = [Actor(subject: principal.subject, kind: principal.kind, verified: true)]
  }
}
