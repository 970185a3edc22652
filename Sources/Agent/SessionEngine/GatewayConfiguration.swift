package import GatewayModel
internal import PostgresWire

/// Where the gateway accepts clients.
package enum ListenAddress: Hashable, Sendable {
  /// A host name or address and a port; port 0 takes a free one.
  case tcp(host: String, port: Int)
  /// A folder in which the socket `.s.PGSQL.<port>` is made, as libpq expects it.
  case unixSocket(folder: String, port: Int)
}

extension ListenAddress: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unixSocket(let folder, let port): "\(folder)/.s.PGSQL.\(port)"
    }
  }
}

/// What bounds a gateway and each of its sessions.
package struct GatewayLimits: Hashable, Sendable {
  /// Sessions of verified principals at once; one more is answered 53300.
  package var sessions = 2_000
  /// Client connections at once, handshakes included; one more is closed unanswered.
  package var connections = 4_000
  /// From the accepted connection to the end of the login.
  package var handshakeDeadline: Duration = .seconds(30)
  /// From the first connect attempt to the end of TLS on the server leg.
  package var serverConnectDeadline: Duration = .seconds(10)
  /// Outgoing bytes held for one leg before reading from the other stops.
  package var outboundBytes = 256 * 1024
  /// How long a session may be silent while nothing of it runs; for ever when absent.
  package var idleTimeout: Duration?
  /// Cancels of one session that are recorded and brought to its server in a second; more are
  /// counted.
  package var cancelsPerSecond = 10
  /// How long a server may take to act on a cancel; what the session sends meanwhile waits for it.
  package var cancelDeadline: Duration = .seconds(2)
  /// How long a closed leg may take to accept the last bytes and to close its own side.
  package var lingerDeadline: Duration = .seconds(2)
  /// Cancel requests with an unknown key that an event loop records one by one in a second; more
  /// are counted.
  package var unmatchedCancelsPerSecond = 20
  /// Refusals of clients without a verified token that an event loop records one by one in a
  /// second; more are counted.
  package var strangerRefusalsPerSecond = 50
  /// Refused logins of one principal that an event loop records one by one in a second; more are
  /// counted.
  package var principalRefusalsPerSecond = 10
  /// How often a record log is looked at that failed or has no room.
  package var logWatchInterval: Duration = .seconds(1)
  /// A log without a record for one to two of these gets a heartbeat.
  package var heartbeatInterval: Duration = .seconds(15)

  package init() {}

  /// Takes a limit of sessions, with room for as many handshakes.
  package mutating func setSessions(_ count: Int) {
    sessions = count
    connections = max(connections, 2 * count)
  }
}

/// The protocol version that servers are asked for.
package enum ServerProtocol: String, Hashable, Sendable, CaseIterable {
  // swift-format-ignore: AlwaysUseLowerCamelCase
  /// For servers and poolers that end the connection instead of negotiating.
  case v3_0 = "3.0"
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case v3_2 = "3.2"

  var version: ProtocolVersion {
    switch self {
    case .v3_0: .v3_0
    case .v3_2: .v3_2
    }
  }
}

/// Whether logins at servers have to be bound to the TLS channel (SCRAM-SHA-256-PLUS); the meanings
/// are libpq's `channel_binding`.
package enum ServerChannelBinding: String, Hashable, Sendable, CaseIterable {
  /// Bound wherever server and certificate allow.
  case prefer
  /// A server that does not bind is not logged in to, whatever else it asks for.
  case require

  var mode: ScramMechanism.ChannelBindingMode {
    switch self {
    case .prefer: .prefer
    case .require: .require
    }
  }
}

/// How a gateway is set up; fixed for its life. What changes live is the policy snapshot and the
/// TLS identity.
package struct GatewayConfiguration: Sendable {
  /// The agent in whose name credentials were sealed and records are written.
  package var agent: AgentID
  package var segment: String
  package var listen: [ListenAddress]
  /// Event loops, each with a record lane of its own.
  package var eventLoopThreads: Int
  /// Whether a client on a loopback address may stay without TLS. A Unix socket always may.
  package var allowPlaintextOnLoopback: Bool
  /// The protocol version that servers are asked for; one that knows an older one may say so.
  package var serverProtocol = ServerProtocol.v3_2
  package var serverChannelBinding = ServerChannelBinding.prefer
  package var limits: GatewayLimits

  package init(
    agent: AgentID, segment: String, listen: [ListenAddress], eventLoopThreads: Int,
    allowPlaintextOnLoopback: Bool = false, limits: GatewayLimits = GatewayLimits()
  ) {
    self.agent = agent
    self.segment = segment
    self.listen = listen
    self.eventLoopThreads = max(1, eventLoopThreads)
    self.allowPlaintextOnLoopback = allowPlaintextOnLoopback
    self.limits = limits
  }
}
