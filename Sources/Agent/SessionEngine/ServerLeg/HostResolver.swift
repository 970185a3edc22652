import Foundation
import NIOCore
import NIOPosix

/// Resolves host names off the event loops, so that a hung name server holds up only those who ask
/// for the same name.
///
/// Lookups of one name at one time share one call of `getaddrinfo`, so a name that hangs takes one
/// thread of eight, however many sessions want it.
final class HostResolver: Sendable {
  /// The system knows no address of the name.
  struct UnknownName: Error {}

  private let lookups = SharedWork<String, [SocketAddress]>(threads: 8) { try lookUp($0) }

  func shutdown() async throws { try await lookups.shutdown() }

  /// The lookup for one connect attempt on `loop`.
  func resolution(on loop: any EventLoop) -> Resolution {
    Resolution(resolver: self, loop: loop)
  }

  /// Addresses of a host in the system's order of preference (RFC 6724).
  fileprivate func addresses(
    of host: String, port: Int, on loop: any EventLoop
  ) -> EventLoopFuture<[SocketAddress]> {
    lookups.value(of: host, on: loop).map { addresses in
      addresses.map { address in
        var address = address
        address.port = port
        return address
      }
    }
  }

  private static func lookUp(_ host: String) throws -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_protocol = Int32(IPPROTO_TCP)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0, let first = list else {
      throw UnknownName()
    }
    defer { freeaddrinfo(first) }
    // SAFETY: getaddrinfo returns a list whose nodes live until freeaddrinfo, each with an address
    // of the family and the length it names.
    return sequence(first: first, next: { $0.pointee.ai_next }).compactMap { node in
      guard let address = node.pointee.ai_addr else { return nil }
      switch node.pointee.ai_family {
      case AF_INET:
        return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          SocketAddress($0.pointee, host: host)
        }
      case AF_INET6:
        return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
          SocketAddress($0.pointee, host: host)
        }
      default: return nil
      }
    }
  }
}

extension HostResolver {
  /// One connect attempt's view of the resolver, as NIO's bootstrap asks for it.
  struct Resolution: Resolver, Sendable {
    let resolver: HostResolver
    let loop: any EventLoop

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      resolver.addresses(of: host, port: port, on: loop).map { $0.filter { $0.protocol == .inet } }
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      resolver.addresses(of: host, port: port, on: loop).map { $0.filter { $0.protocol == .inet6 } }
    }

    func cancelQueries() {}
  }
}
