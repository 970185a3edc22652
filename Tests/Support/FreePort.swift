import Glibc
import Synchronization

/// Ports of the loopback that nobody listens on at this moment.
package enum FreePort {
  /// Below the ports that the kernel gives to outgoing connections, one of which would otherwise
  /// take a port between its choice and its use.
  private static let range = 15_000..<32_000
  private static let given = Mutex<Set<Int>>([])

  /// A TCP port of 127.0.0.1 that nobody listens on and that this process has not given before.
  package static func next() throws -> Int {
    for _ in 0..<1_000 {
      let port = Int.random(in: range)
      guard given.withLock({ $0.insert(port).inserted }), canBind(port) else { continue }
      return port
    }
    throw TestFailure("no free port in \(range)")
  }

  private static func canBind(_ port: Int) -> Bool {
    withSocket(port: port) { bind($0, $1, $2) == 0 }
  }

  /// Whether somebody accepts connections on `port` of 127.0.0.1.
  package static func isOpen(_ port: Int) -> Bool {
    withSocket(port: port) { connect($0, $1, $2) == 0 }
  }

  private static func withSocket(
    port: Int, _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Bool
  ) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body(descriptor, $0, length) }
    }
  }
}
