/// What to look for in the control plane's own log; every given filter must match.
package struct ControlLogFilter: Codable, Sendable, Equatable {
  package enum CodingKeys: String, CodingKey, CaseIterable {
    case caller, action, since, until, limit, cursor
  }

  /// Names of callers, or ids of their API tokens.
  package var caller: [String]
  /// Actions such as `grant.add` or `audit.read`, or a resource such as `grant` for all of its
  /// actions. Without it all but `agents.witness`, which is written every few seconds.
  package var action: [String]
  /// RFC 3339, inclusive.
  package var since: String?
  /// RFC 3339, exclusive.
  package var until: String?
  /// 1 to 1000; default 100.
  package var limit: Int?
  package var cursor: String?

  package init(
    caller: [String] = [], action: [String] = [], since: String? = nil, until: String? = nil,
    limit: Int? = nil, cursor: String? = nil
  ) {
    self.caller = caller
    self.action = action
    self.since = since
    self.until = until
    self.limit = limit
    self.cursor = cursor
  }

  /// The filters that take several values.
  package static let repeatable: [CodingKeys] = [.caller, .action]

  /// The given filters under the names of their keys.
  package var queryItems: [(String, String)] {
    caller.map { ("caller", $0) } + action.map { ("action", $0) }
      + [
        ("since", since), ("until", until), ("limit", limit.map { "\($0)" }), ("cursor", cursor),
      ].compactMap { name, value in value.map { (name, $0) } }
  }
}

/// One entry of the control plane's own log: an act, a read of audit data, or what it has seen of
/// the agents' logs.
package struct ControlLogEntryInfo: Codable, Sendable, Equatable {
  /// The record's place in the log.
  package var seq: Int
  package var at: String
  /// Resource and verb, as in `connection.add`, or `audit.read`.
  package var action: String
  /// What it was done to; of a read what was read, as in `statements`.
  package var subject: String
  /// The particulars, of a read the question: a JSON object as text.
  package var detail: String?
  /// The code of the refusal, for what was asked for and refused.
  package var refusal: String?
  package var caller: ControlLogCaller

  package init(
    seq: Int, at: String, action: String, subject: String, detail: String?, refusal: String?,
    caller: ControlLogCaller
  ) {
    self.seq = seq
    self.at = at
    self.action = action
    self.subject = subject
    self.detail = detail
    self.refusal = refusal
    self.caller = caller
  }
}

/// Who asked for an act.
package struct ControlLogCaller: Codable, Sendable, Equatable {
  /// Of the API token; absent for agents, strangers and the control plane itself.
  package var tokenID: String?
  package var name: String
  /// That of the token; `agent`, `system` or `none` where there is no token.
  package var role: String
  package var address: String?

  package init(tokenID: String?, name: String, role: String, address: String?) {
    self.tokenID = tokenID
    self.name = name
    self.role = role
    self.address = address
  }
}

/// The control plane's own log as it stands now.
package struct ControlCheckpointInfo: Codable, Sendable, Equatable {
  /// The signed note (C2SP tlog-checkpoint), as text.
  package var note: String
  /// Base64 of the raw Ed25519 key that has signed it.
  package var publicKey: String
  /// With `?from=`: base64 of the hashes that prove that the log begins with its first `from`
  /// records as they were then (RFC 6962, section 2.1.2); absent when it has fewer.
  package var consistency: [String]?

  package init(note: String, publicKey: String, consistency: [String]?) {
    self.note = note
    self.publicKey = publicKey
    self.consistency = consistency
  }
}
