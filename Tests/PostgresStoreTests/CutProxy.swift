import Foundation
import Glibc
import Synchronization

/// Stands between a store and the database, and cuts the connection at a COMMIT.
final class CutProxy: @unchecked Sendable {
  enum Cut: Sendable {
    /// COMMIT does not reach the database.
    case before
    /// COMMIT is done, and its answer does not reach the store.
    case after
  }

  // SAFETY: the sockets are set once, in `init`; the rest is under its mutex.
  let port: UInt16
  private let listener: Int32
  private let target: UInt16
  private let next = Mutex<Cut?>(nil)

  init(to target: UInt16) throws {
    self.target = target
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = Self.address(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(listener, raw, length) == 0 && listen(listener, 16) == 0
          && getsockname(listener, raw, &length) == 0
      }
    }
    guard bound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        serve(client)
      }
    }
  }

  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  /// Cuts the connection that sends COMMIT next.
  func cutNextCommit(_ cut: Cut) { next.withLock { $0 = cut } }

  private func serve(_ client: Int32) {
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.address(target)
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard connected else {
      close(client)
      return
    }
    let isCut = Flag()
    Thread.detachNewThread {
      Self.pump(from: client, to: server) { [self] bytes in
        // The Parse message of PQexecParams.
        guard bytes.range(of: Data("COMMIT\0".utf8)) != nil else { return true }
        guard
          let cut = next.withLock({ cut in
            defer { cut = nil }
            return cut
          })
        else { return true }
        isCut.set(true)
        if cut == .before {
          shutdown(server, Int32(SHUT_RDWR))
          shutdown(client, Int32(SHUT_RDWR))
          return false
        }
        return true
      }
      shutdown(server, Int32(SHUT_WR))
    }
    Thread.detachNewThread {
      Self.pump(from: server, to: client) { _ in
        guard isCut.value else { return true }
        // Answered, so it is done.
        shutdown(client, Int32(SHUT_RDWR))
        shutdown(server, Int32(SHUT_RDWR))
        return false
      }
      shutdown(client, Int32(SHUT_RDWR))
    }
  }

  private final class Flag: Sendable {
    private let state = Mutex(false)
    var value: Bool { state.withLock { $0 } }
    func set(_ value: Bool) { state.withLock { $0 = value } }
  }

  private static func pump(from: Int32, to: Int32, _ pass: (Data) -> Bool) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(from, &buffer, buffer.count)
      guard count > 0, pass(Data(buffer.prefix(count))) else { return }
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

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return address
  }
}
