import Synchronization

/// Thrown when a party made too many attempts.
struct AttemptLimit: Error, Equatable {
  let retryAfterSeconds: Int
}

/// A token bucket for each party that tries one-time secrets.
///
/// The secrets cannot be guessed; the limit keeps guessing from loading the database. An attempt
/// that succeeds is given back, so a fleet behind one address can enrol at any pace. At most
/// ``maximumParties`` are remembered; past that the longest unseen is forgotten.
final class AttemptLimiter: Sendable {
  static let maximumParties = 4096

  private let burst: Double
  private let perSecond: Double
  private let state = Mutex<[String: Bucket]>([:])

  private struct Bucket {
    var tokens: Double
    var touched: ContinuousClock.Instant
  }

  init(burst: Int, perSecond: Double) {
    self.burst = Double(max(1, burst))
    self.perSecond = perSecond
  }

  /// Takes one attempt.
  func take(for party: String, at now: ContinuousClock.Instant) throws(AttemptLimit) {
    let missing: Double? = state.withLock { buckets in
      var bucket = refilled(buckets[party], at: now)
      guard bucket.tokens >= 1 else { return 1 - bucket.tokens }
      bucket.tokens -= 1
      if buckets[party] == nil, buckets.count >= Self.maximumParties {
        forgetOne(&buckets)
      }
      buckets[party] = bucket
      return nil
    }
    if let missing {
      throw AttemptLimit(retryAfterSeconds: max(1, Int((missing / perSecond).rounded(.up))))
    }
  }

  /// Gives an attempt back that was a good one.
  func giveBack(for party: String, at now: ContinuousClock.Instant) {
    state.withLock { buckets in
      guard buckets[party] != nil else { return }
      var bucket = refilled(buckets[party], at: now)
      bucket.tokens = min(burst, bucket.tokens + 1)
      buckets[party] = bucket.tokens >= burst ? nil : bucket
    }
  }

  /// How many parties are remembered.
  var parties: Int { state.withLock { $0.count } }

  private func refilled(_ bucket: Bucket?, at now: ContinuousClock.Instant) -> Bucket {
    guard let bucket else { return Bucket(tokens: burst, touched: now) }
    let elapsed = max(.zero, now - bucket.touched) / .seconds(1)
    return Bucket(
      tokens: min(burst, bucket.tokens + elapsed * perSecond), touched: max(bucket.touched, now))
  }

  private func forgetOne(_ buckets: inout [String: Bucket]) {
    let oldest = buckets.min { $0.value.touched < $1.value.touched }
    if let oldest { buckets[oldest.key] = nil }
  }
}
