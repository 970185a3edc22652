import ControlLink
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a health listener.
enum HealthProbe {
  static let deadline = Duration.seconds(10)
  static let maximumBodyBytes = 1 << 20

  struct Answer: Equatable, Sendable {
    var status: UInt
    var body: String
  }

  /// - Throws: ``StartFailure`` when nothing answers in time.
  static func ask(_ address: HostPort, path: String) async throws -> Answer {
    do {
      return try await withThrowingTaskGroup(of: Answer.self) { group in
        group.addTask { try await exchange(address, path: path) }
        group.addTask {
          try await Task.sleep(for: deadline)
          throw ChannelError.connectTimeout(.seconds(10))
        }
        defer { group.cancelAll() }
        guard let answer = try await group.next() else { throw ChannelError.eof }
        return answer
      }
    } catch {
      throw StartFailure(
        .unavailable,
        "no agent answers at \(address) (\(FailureText.describe(error))): start it with --health-listen \(address)"
      )
    }
  }

  private static func exchange(_ address: HostPort, path: String) async throws -> Answer {
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.seconds(5))
      .connect(host: address.host, port: address.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
            wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path)
      head.headers.add(name: "host", value: "\(address)")
      head.headers.add(name: "connection", value: "close")
      try await outbound.write(.head(head))
      try await outbound.write(.end(nil))
      var status: UInt = 0
      var body = ByteBuffer()
      for try await part in inbound {
        switch part {
        case .head(let head): status = head.status.code
        case .body(var bytes):
          guard body.readableBytes + bytes.readableBytes <= maximumBodyBytes else {
            throw ChannelError.inputClosed
          }
          body.writeBuffer(&bytes)
        case .end: return Answer(status: status, body: String(buffer: body))
        }
      }
      throw ChannelError.eof
    }
  }
}
