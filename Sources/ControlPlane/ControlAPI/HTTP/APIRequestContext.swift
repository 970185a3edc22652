internal import Hummingbird
import NIOCore
internal import Telemetry

/// What is known of a request besides its content.
struct APIRequestContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// Where the request came from, as the socket says; headers are not believed.
  let clientAddress: ClientAddress

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    clientAddress = ClientAddress(source.channel.remoteAddress)
  }

  var maxUploadSize: Int { APILimits.bodyBytes }

  /// Hummingbird's id of the request. Its own `id` traps when a log handler keeps no metadata.
  var requestID: String { logger[metadataKey: LogKey.requestID]?.description ?? "" }
}

/// The address of a client, with the part of it that one party holds.
struct ClientAddress: Sendable, Hashable {
  let text: String
  /// The address itself for IPv4, its first 64 bits for IPv6: what a limit is counted for.
  let party: String

  init(_ address: SocketAddress?) {
    text = address?.ipAddress ?? "unknown"
    guard case .v6(let six)? = address else {
      party = text
      return
    }
    party = withUnsafeBytes(of: six.address.sin6_addr) { bytes in
      bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":")
    }
  }
}
