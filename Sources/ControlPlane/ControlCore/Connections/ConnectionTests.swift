package import GatewayModel

/// A request to an agent to try a connection.
package struct ConnectionTestCommand: Sendable, Equatable {
  package var requestID: String
  package var connection: String
  package var role: String
}

/// What an agent says of a tried connection.
package struct ConnectionTestAnswer: Sendable, Equatable {
  package var ok: Bool
  /// The server's version when it is well, else what failed and what to do.
  package var detail: String
  package var duration: Duration
  package init(ok: Bool, detail: String, duration: Duration) {
    self.ok = ok
    self.detail = detail
    self.duration = duration
  }
}

/// The agents attached to this replica, and the requests under way at them.
///
/// Bounded: at most ``maximumPending`` requests at once; each ends by its deadline.
package actor ConnectionTests {
  package static let maximumPending = 256

  /// One attachment of an agent; a later one of the same agent takes the place of an earlier.
  package struct Attachment: Sendable, Hashable {
    package let agent: AgentID
    let serial: UInt64
  }

  private struct Link {
    var serial: UInt64
    var deliver: @Sendable (ConnectionTestCommand) -> Bool
  }

  private let surroundings: Surroundings
  private var links: [AgentID: Link] = [:]
  private var nextSerial: UInt64 = 0
  private var pending: [String: (AgentID, CheckedContinuation<ConnectionTestAnswer?, Never>)] = [:]

  package init(surroundings: Surroundings) { self.surroundings = surroundings }

  /// Registers an agent's link.
  ///
  /// - Parameter deliver: Puts the command on the link's bounded queue without waiting; false when
  ///   it is full.
  package func attach(
    _ agent: AgentID, deliver: @escaping @Sendable (ConnectionTestCommand) -> Bool
  ) -> Attachment {
    nextSerial += 1
    links[agent] = Link(serial: nextSerial, deliver: deliver)
    return Attachment(agent: agent, serial: nextSerial)
  }

  /// Forgets a link, unless a later one took its place; its requests end without an answer.
  package func detach(_ attachment: Attachment) {
    guard links[attachment.agent]?.serial == attachment.serial else { return }
    links[attachment.agent] = nil
    for (id, entry) in pending where entry.0 == attachment.agent {
      pending[id] = nil
      entry.1.resume(returning: nil)
    }
  }

  /// Takes the answer of an agent; one that nobody waits for, or of another agent, is dropped.
  package func answer(from agent: AgentID, requestID: String, _ answer: ConnectionTestAnswer) {
    guard let entry = pending[requestID], entry.0 == agent else { return }
    pending[requestID] = nil
    entry.1.resume(returning: answer)
  }

  package func isAttached(_ agent: AgentID) -> Bool { links[agent] != nil }

  /// Asks an agent to try a connection.
  ///
  /// - Returns: `nil` when the agent is not attached here, its queue is full, its link ended or
  ///   the deadline passed.
  package func run(
    at agent: AgentID, connection: String, role: String, within deadline: Duration
  ) async -> ConnectionTestAnswer? {
    guard let link = links[agent], pending.count < Self.maximumPending else { return nil }
    let requestID = surroundings.newIdentifier().description
    let command = ConnectionTestCommand(requestID: requestID, connection: connection, role: role)
    let timer = Task { [surroundings] in
      try? await surroundings.sleep(deadline)
      self.expire(requestID)
    }
    defer { timer.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        // A timer that was faster finds no entry; the task is cancelled then, or the deadline 0.
        guard !Task.isCancelled, link.deliver(command) else {
          continuation.resume(returning: nil)
          return
        }
        pending[requestID] = (agent, continuation)
      }
    } onCancel: {
      timer.cancel()
    }
  }

  private func expire(_ requestID: String) {
    guard let entry = pending.removeValue(forKey: requestID) else { return }
    entry.1.resume(returning: nil)
  }
}
