internal import GatewayModel
internal import Synchronization

/// The questions that this replica has recorded in the last minute, so that paging through an
/// answer and following a trail are recorded once and then each minute.
///
/// Bounded: what is forgotten too soon is recorded once more.
final class RecentReads: Sendable {
  static let memory = Duration.seconds(60)
  static let maximumCount = 4096

  struct Key: Hashable {
    var tokenID: Identifier128
    var what: String
    var question: String
  }

  private let noted = Mutex<[Key: WallTime]>([:])

  func isNoted(_ key: Key, at now: WallTime) -> Bool {
    noted.withLock { noted in
      noted[key].map { Self.isRecent($0, now) } ?? false
    }
  }

  func note(_ key: Key, at now: WallTime) {
    noted.withLock { noted in
      if noted.count >= Self.maximumCount {
        noted = noted.filter { Self.isRecent($0.value, now) }
        if noted.count >= Self.maximumCount { noted = [:] }
      }
      noted[key] = now
    }
  }

  private static func isRecent(_ time: WallTime, _ now: WallTime) -> Bool {
    time <= now && now < time.advanced(by: memory)
  }
}
