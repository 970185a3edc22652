/// One client connection through an agent.
package struct SessionID: Hashable, Sendable, Codable, CustomStringConvertible {
  package let value: Identifier128
  package init(_ value: Identifier128) { self.value = value }
  package init(from decoder: any Decoder) throws { value = try Identifier128(from: decoder) }
  package func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
  package var description: String { value.description }
}

/// One agent, as enrolled; kept across renewals of its certificate.
package struct AgentID: Hashable, Sendable, Codable, CustomStringConvertible {
  package let value: Identifier128
  package init(_ value: Identifier128) { self.value = value }
  package init(from decoder: any Decoder) throws { value = try Identifier128(from: decoder) }
  package func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
  package var description: String { value.description }
}

/// The number of a statement in its session, from 1 without gaps.
package struct StatementID: Hashable, Sendable, Comparable, Codable {
  package let rawValue: UInt64
  package init(_ rawValue: UInt64) { self.rawValue = rawValue }
  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The log that one event loop of one agent writes: (agent, epoch, lane).
package struct LogID: Hashable, Sendable, Codable, CustomStringConvertible {
  package let agent: AgentID
  /// Rises when the agent must begin a new history, for example after its disk was restored.
  package let epoch: UInt64
  /// The index of the event loop that writes this log.
  package let lane: UInt32

  package init(agent: AgentID, epoch: UInt64, lane: UInt32) {
    self.agent = agent
    self.epoch = epoch
    self.lane = lane
  }

  /// `<agent>/<epoch>/<lane>`.
  package var description: String { "\(agent)/\(epoch)/\(lane)" }

  /// Reads ``description``; `nil` for any other text.
  package init?(text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, let agent = Identifier128(text: String(parts[0])),
      let epoch = UInt64(parts[1]), let lane = UInt32(parts[2])
    else { return nil }
    self.init(agent: AgentID(agent), epoch: epoch, lane: lane)
    guard description == text else { return nil }
  }

  /// Reads the description; `nil` for any other text, also one that says the same otherwise.
  package init?(text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, let agent = Identifier128(text: String(parts[0])),
      let epoch = UInt64(parts[1]), let lane = UInt32(parts[2])
    else { return nil }
    self.init(agent: AgentID(agent), epoch: epoch, lane: lane)
    guard description == text else { return nil }
  }
}
