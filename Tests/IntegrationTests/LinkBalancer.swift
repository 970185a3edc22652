import Foundation
import Glibc
import Synchronization

/// Stands at the address that agents dial, gives each connection to another replica, and cuts
/// connections at random: calls are lost on their way, and so are their answers.
final class LinkBalancer: Sendable {
  private let listener: Int32
  private let state: Mutex<State>

  private struct State {
    var targets: [Int]
    var opened = 0
    var cutsConnections = false
  }

  init(port: Int, targets: [Int]) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    let bound = Self.withAddress(port) { bind(listener, $0, $1) == 0 && listen(listener, 64) == 0 }
    guard bound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    self.listener = listener
    state = Mutex(State(targets: targets))
    Thread.detachNewThread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        serve(client)
      }
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  /// How many connections there have been.
  var opened: Int { state.withLock { $0.opened } }

  func cutConnections(_ cuts: Bool) { state.withLock { $0.cutsConnections = cuts } }

  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  private func serve(_ client: Int32) {
    let (target, cuts) = state.withLock { state in
      state.opened += 1
      return (state.targets[state.opened % state.targets.count], state.cutsConnections)
    }
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard Self.withAddress(target, { connect(server, $0, $1) == 0 }) else {
      close(server)
      close(client)
      return
    }
    // After so many reads, wherever a call stands by then.
    let budget = cuts ? Int.random(in: 30...120) : .max
    for (from, to) in [(client, server), (server, client)] {
      Thread.detachNewThread {
        Self.pump(from: from, to: to, reads: budget)
        shutdown(client, Int32(SHUT_RDWR))
        shutdown(server, Int32(SHUT_RDWR))
      }
    }
  }

  private static func pump(from: Int32, to: Int32, reads: Int) {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    var left = reads
    while left > 0 {
      left -= 1
      let count = read(from, &buffer, buffer.count)
      guard count > 0 else { return }
      var sent = 0
      while sent < count {
        let written = buffer.withUnsafeBytes { raw in
          send(to, raw.baseAddress?.advanced(by: sent), count - sent, Int32(MSG_NOSIGNAL))
        }
        guard written > 0 else { return }
        sent += written
      }
    }
  }

  private static func withAddress(
    _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
  ) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
