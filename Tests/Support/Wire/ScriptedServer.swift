import NIOCore
import NIOPosix
import NIOSSL
import PostgresWire
import Synchronization

/// A PostgreSQL server that answers what a test tells it to, on a free port of 127.0.0.1.
package final class ScriptedServer: Sendable {
  package let port: Int
  private let channel: any Channel
  /// Those that no test has taken yet, oldest first.
  private let waiting: Waiting

  private final class Waiting: Sendable {
    let peers = Mutex<[WirePeer]>([])
  }

  package init() async throws {
    let waiting = Waiting()
    self.waiting = waiting
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let peer = try WirePeer.make(in: channel)
          waiting.peers.withLock { $0.append(peer) }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    guard let port = channel.localAddress?.port else {
      throw TestFailure("the scripted server has no port")
    }
    self.port = port
  }

  deinit { channel.close(promise: nil) }

  /// Takes the next connection; nothing was read of it yet.
  package func accept(within limit: Duration = WirePeer.patience) async throws -> WirePeer {
    var peer: WirePeer?
    try await eventually("a connection to the scripted server", within: limit) {
      peer = waiting.peers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
      return peer != nil
    }
    guard let peer else { throw TestFailure("no connection within \(limit)") }
    return peer
  }

  /// Connections that no test has taken yet.
  package var waitingCount: Int { waiting.peers.withLock { $0.count } }

  /// Takes the next connection and plays a script on it, from the first byte.
  ///
  /// - Throws: ``TestFailure`` at the first step that goes otherwise.
  @discardableResult
  package func play(
    _ script: [ServerStep], within limit: Duration = WirePeer.patience
  ) async throws -> WirePeer {
    let peer = try await accept(within: limit)
    for step in script { try await peer.play(step, within: limit) }
    return peer
  }

  package func close() async {
    try? await channel.close().get()
  }
}

/// One step of what a scripted server expects and answers.
package enum ServerStep: Sendable {
  /// The startup message comes, behind TLS where a context is given; the closure checks it.
  case startup(tls: NIOSSLContext? = nil, @Sendable (StartupMessage) throws -> Void = { _ in })
  /// A message of this type comes.
  case expect(FrontendMessageType)
  /// A CancelRequest with this key comes, and nothing else.
  case expectCancel(CancelKey)
  case send(ByteBuffer)
  /// The login goes through without a password.
  case welcome(cancelKey: CancelKey = CancelKey(processID: 4711, secret: [1, 2, 3, 4]))
  /// The peer closes, with no byte before that.
  case expectClose
  case close
}

extension WirePeer {
  fileprivate func play(_ step: ServerStep, within limit: Duration) async throws {
    switch step {
    case .startup(let tls, let check): try check(try await receiveStartup(tls: tls))
    case .expect(let type):
      let frame = try await receiveFrontend(within: limit)
      guard frame.type == type else {
        throw TestFailure("a message \(frame.type) came and \(type) was expected")
      }
    case .expectCancel(let key):
      guard case .cancelRequest(key) = try await receiveStartupPacket(within: limit) else {
        throw TestFailure("something else came than the expected CancelRequest")
      }
    case .send(let bytes): try await send(bytes)
    case .welcome(let key): try await welcome(cancelKey: key)
    case .expectClose:
      let rest = try await receiveClose(within: limit)
      guard rest.readableBytes == 0 else {
        throw TestFailure("\(rest.readableBytes) bytes came before the close")
      }
    case .close: await close()
    }
  }
}

extension WirePeer {
  /// Takes one packet without a type byte: SSLRequest, CancelRequest or the startup message.
  package func receiveStartupPacket(
    within limit: Duration = WirePeer.patience
  ) async throws -> StartupPacket {
    try await take("a startup packet", within: limit) { try StartupPacket.next(in: &$0.bytes) }
  }

  /// Takes the startup message, answering SSLRequest on the way: with TLS where `tls` is given,
  /// else with a refusal.
  package func receiveStartup(tls: NIOSSLContext? = nil) async throws -> StartupMessage {
    while true {
      switch try await receiveStartupPacket() {
      case .sslRequest:
        try await send(ByteBuffer(string: tls == nil ? "N" : "S"))
        if let tls { try await secure(asServerWith: tls) }
      case .gssEncryptionRequest: try await send(ByteBuffer(string: "N"))
      case .cancelRequest: throw TestFailure("a cancel request came instead of a session")
      case .startup(let message): return message
      }
    }
  }

  /// Lets the client in without a password and is ready for its first query.
  package func welcome(
    settings: [String: String] = [
      "client_encoding": "UTF8", "server_version": "15.0", "standard_conforming_strings": "on",
    ],
    cancelKey: CancelKey = CancelKey(processID: 4711, secret: [1, 2, 3, 4])
  ) async throws {
    try await send { buffer in
      BackendMessage.Authentication.ok.encode(into: &buffer)
      for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
        BackendMessage.ParameterStatus(name: name, value: value).encode(into: &buffer)
      }
      BackendMessage.BackendKeyData(key: cancelKey).encode(into: &buffer)
      BackendMessage.ReadyForQuery(status: .idle).encode(into: &buffer)
    }
  }

  /// Takes the next message of a client.
  package func receiveFrontend(
    within limit: Duration = WirePeer.patience
  ) async throws -> FrontendFrame {
    try await receive(FrontendMessageType.self, within: limit)
  }
}
