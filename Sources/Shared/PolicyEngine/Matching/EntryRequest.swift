package import GatewayModel

/// Who asks to enter what, and how.
package struct EntryRequest: Hashable, Sendable {
  package var principal: Principal
  package var actors: ActorChain
  /// The name of the connection.
  package var connection: String
  package var labels: [String: String]
  /// The database role that the client named as its user.
  package var requestedRole: String?
  /// `host:port`, or `unix` for a Unix socket.
  package var clientAddress: String
  /// As the client calls itself.
  package var application: String
  package var at: WallTime

  package init(
    principal: Principal, actors: ActorChain, connection: String, labels: [String: String] = [:],
    requestedRole: String? = nil, clientAddress: String, application: String = "", at: WallTime
  ) {
    self.principal = principal
    self.actors = actors
    self.connection = connection
    self.labels = labels
    self.requestedRole = requestedRole
    self.clientAddress = clientAddress
    self.application = application
    self.at = at
  }
}

/// What of a request stays as it is for a session.
struct SessionContext: Sendable {
  let principal: Principal
  let actors: [Actor]
  let connection: String
  let labels: [String: String]
  let address: ClientAddress
  let addressText: String
  let application: String

  init(_ request: EntryRequest) {
    principal = request.principal
    actors = request.actors.actors
    connection = request.connection
    labels = request.labels
    address = ClientAddress(text: request.clientAddress)
    addressText = request.clientAddress
    application = request.application
  }

  /// Of the current actor.
  var kind: Principal.Kind { actors.first?.kind ?? principal.kind }
  /// The hops of delegation.
  var depth: Int { max(0, actors.count - 1) }
}
