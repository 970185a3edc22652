import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import PostgresWire

/// One end of a connection that a test drives byte by byte.
package final class WirePeer: Sendable {
  package static let patience = Duration.seconds(60)

  package let channel: any Channel
  private let inbox: Inbox

  init(channel: any Channel, inbox: Inbox) {
    self.channel = channel
    self.inbox = inbox
  }

  deinit { channel.close(promise: nil) }

  static func make(in channel: any Channel) throws -> WirePeer {
    let inbox = Inbox()
    try channel.pipeline.syncOperations.addHandler(InboxHandler(inbox))
    return WirePeer(channel: channel, inbox: inbox)
  }

  /// Sends bytes as they are and waits until the kernel has them.
  package func send(_ bytes: ByteBuffer) async throws {
    try await channel.writeAndFlush(bytes).get()
  }

  /// Sends what `build` writes.
  package func send(_ build: (inout ByteBuffer) -> Void) async throws {
    var buffer = ByteBuffer()
    build(&buffer)
    try await send(buffer)
  }

  /// Sends bytes in pieces of `size`, each in a write of its own.
  package func send(_ bytes: ByteBuffer, inPiecesOf size: Int) async throws {
    var rest = bytes
    while let piece = rest.readSlice(length: min(size, rest.readableBytes)),
      piece.readableBytes > 0
    {
      try await send(piece)
    }
  }

  /// Takes exactly `count` bytes.
  package func receive(
    count: Int, within limit: Duration = WirePeer.patience
  ) async throws -> ByteBuffer {
    try await take("\(count) bytes", within: limit) { $0.bytes.readSlice(length: count) }
  }

  /// Takes the next message; an error of the peer's framing is thrown.
  package func receive<Kind: MessageType>(
    _ kind: Kind.Type, within limit: Duration = WirePeer.patience
  ) async throws -> WireFrame<Kind> {
    try await take("a message of the \(Kind.sender)", within: limit) { contents in
      guard let header = try MessageHeader<Kind>.peek(contents.bytes),
        contents.bytes.readableBytes >= header.messageLength
      else { return nil }
      contents.bytes.moveReaderIndex(forwardBy: MessageHeaderLayout.byteCount)
      guard let body = contents.bytes.readSlice(length: header.bodyLength) else { return nil }
      return WireFrame(type: header.type, body: body)
    }
  }

  /// Waits for the peer to close and gives the bytes not taken before.
  @discardableResult
  package func receiveClose(within limit: Duration = WirePeer.patience) async throws -> ByteBuffer {
    try await take("the close", within: limit) { $0.isClosed ? $0.bytes : nil }
  }

  /// Bytes that have arrived and were not taken.
  package var pendingByteCount: Int {
    get async throws {
      try await take("pending", within: .zero) { $0.bytes.readableBytes }
    }
  }

  func take<Value>(
    _ what: String, within limit: Duration, _ attempt: (inout Inbox.Contents) throws -> Value?
  ) async throws -> Value {
    try await inbox.take(what, within: limit, on: channel.eventLoop, attempt)
  }

  /// Begins TLS as the client and waits for the handshake.
  package func secure(
    asClientWith context: NIOSSLContext, serverName: String? = nil
  ) async throws {
    try await channel.eventLoop.submit { [channel] in
      let handler = try NIOSSLClientHandler(context: context, serverHostname: serverName)
      try channel.pipeline.syncOperations.addHandler(handler, position: .first)
    }.get()
    try await handshake()
  }

  /// Begins TLS as the server and waits for the handshake.
  package func secure(asServerWith context: NIOSSLContext) async throws {
    try await channel.eventLoop.submit { [channel, inbox] in
      let handler = NIOSSLServerHandler(context: context)
      try channel.pipeline.syncOperations.addHandler(handler, position: .first)
      // The client's hello may have come before the handler was there.
      var early = ByteBuffer()
      inbox.change { swap(&$0.bytes, &early) }
      if early.readableBytes > 0 {
        channel.pipeline.syncOperations.fireChannelRead(NIOAny(early))
        channel.pipeline.syncOperations.fireChannelReadComplete()
      }
    }.get()
    try await handshake()
  }

  private func handshake() async throws {
    try await take("the TLS handshake", within: Self.patience) { $0.isSecured ? () : nil }
  }

  /// Stops or goes on reading from the socket, so that the peer's writes pile up.
  package func setReading(_ isReading: Bool) async throws {
    try await channel.setOption(.autoRead, value: isReading).get()
  }

  package func close() async {
    try? await channel.close().get()
  }

  /// Sends a reset instead of an orderly end.
  package func abort() async throws {
    guard let socket = channel as? any SocketOptionProvider else {
      throw TestFailure("the channel is no socket")
    }
    try await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    await close()
  }
}

/// A whole message as it came.
package struct WireFrame<Kind: MessageType>: Hashable, Sendable {
  package let type: Kind
  package let body: ByteBuffer

  package init(type: Kind, body: ByteBuffer) {
    self.type = type
    self.body = body
  }
}

package typealias FrontendFrame = WireFrame<FrontendMessageType>
package typealias BackendFrame = WireFrame<BackendMessageType>
