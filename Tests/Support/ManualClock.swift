import GatewayModel
import Synchronization

/// A clock that stands still until a test moves it; both readings move together.
package final class ManualClock: Sendable {
  private struct Reading {
    var monotonic: Int64
    var wall: Int64
  }

  private let reading: Mutex<Reading>

  /// Starts at 2026-01-01 00:00:00 UTC where nothing else is said.
  package init(wall: WallTime = WallTime(unixNanoseconds: 1_767_225_600_000_000_000)) {
    reading = Mutex(Reading(monotonic: 1_000_000_000, wall: wall.unixNanoseconds))
  }

  package var now: MonotonicTime {
    MonotonicTime(nanoseconds: reading.withLock { $0.monotonic })
  }

  package var wallNow: WallTime { WallTime(unixNanoseconds: reading.withLock { $0.wall }) }

  package func advance(by duration: Duration) {
    let nanoseconds = Int64(duration / .nanoseconds(1))
    reading.withLock { reading in
      reading.monotonic += nanoseconds
      reading.wall += nanoseconds
    }
  }

  /// Moves the wall clock alone, as an operator or NTP may.
  package func stepWallClock(by duration: Duration) {
    let nanoseconds = Int64(duration / .nanoseconds(1))
    reading.withLock { $0.wall += nanoseconds }
  }
}
