import Glibc
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import SessionEngine

/// Several loops ask for the same and for other keys at once.
@Suite struct SharedWorkTests {
  private struct Refused: Error, Equatable { let key: String }

  /// Works when told to, and counts.
  private final class Workbench: Sendable {
    private let state = Mutex((done: [String: Int](), isOpen: false))

    var done: [String: Int] { state.withLock { $0.done } }
    func open() { state.withLock { $0.isOpen = true } }

    func work(_ key: String) throws -> String {
      while !state.withLock({ $0.isOpen }) { usleepBriefly() }
      state.withLock { $0.done[key, default: 0] += 1 }
      if key.hasPrefix("bad") { throw Refused(key: key) }
      return "value of \(key)"
    }

    private func usleepBriefly() {
      var time = timespec(tv_sec: 0, tv_nsec: 1_000_000)
      nanosleep(&time, nil)
    }
  }

  @Test func thoseWhoAskForOneKeyAtOneTimeShareItsWork() async throws {
    let bench = Workbench()
    let work = SharedWork<String, String>(threads: 2) { try bench.work($0) }
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let shared = (0..<20).map { _ in work.value(of: "a", on: loops.next()) }
    let other = work.value(of: "b", on: loops.next())
    bench.open()
    for future in shared { #expect(try await future.get() == "value of a") }
    #expect(try await other.get() == "value of b")
    #expect(bench.done == ["a": 1, "b": 1])
    try await work.shutdown()
    try await loops.shutdownGracefully()
  }

  @Test func aKeyIsWorkedOnAgainOnceItIsDoneAlsoAfterAFailure() async throws {
    let bench = Workbench()
    bench.open()
    let work = SharedWork<String, String>(threads: 2) { try bench.work($0) }
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    for key in ["a", "bad"] {
      for _ in 0..<2 {
        let value = try? await work.value(of: key, on: loops.next()).get()
        #expect(value == (key == "a" ? "value of a" : nil))
      }
    }
    await #expect(throws: Refused(key: "bad")) {
      try await work.value(of: "bad", on: loops.next()).get()
    }
    #expect(bench.done == ["a": 2, "bad": 3])
    try await work.shutdown()
    try await loops.shutdownGracefully()
  }

  @Test func afterShutdownWhoAsksIsToldAtOnce() async throws {
    let work = SharedWork<String, String>(threads: 1) { $0 }
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    try await work.shutdown()
    await #expect(throws: ChannelError.ioOnClosedChannel) {
      try await work.value(of: "a", on: loops.next()).get()
    }
    try await loops.shutdownGracefully()
  }
}
