import Atomics
import CoreMetrics

/// A number of type `Double` that several threads change without a lock.
final class AtomicDouble: Sendable {
  private let bits = ManagedAtomic<UInt64>(Double.zero.bitPattern)

  var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  func add(_ amount: Double) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + amount).bitPattern
      let (exchanged, found) = bits.weakCompareExchange(
        expected: old, desired: new, ordering: .relaxed)
      if exchanged { return }
      old = found
    }
  }
}

/// A whole number that only rises; one atomic addition for each use.
final class CounterSeries: MetricSeries, CounterHandler {
  static let kind = MetricFamily.Kind.counter
  private let count = ManagedAtomic<Int64>(0)

  func increment(by amount: Int64) {
    guard amount > 0 else { return }
    count.wrappingIncrement(by: amount, ordering: .relaxed)
  }

  func reset() { count.store(0, ordering: .relaxed) }

  func render(name: String, labels: String, into text: inout String) {
    text += "\(name)\(labels) \(count.load(ordering: .relaxed))\n"
  }
}

final class FloatingPointCounterSeries: MetricSeries, FloatingPointCounterHandler {
  static let kind = MetricFamily.Kind.counter
  private let sum = AtomicDouble()

  func increment(by amount: Double) {
    guard amount > 0, amount.isFinite else { return }
    sum.add(amount)
  }

  func reset() { sum.set(0) }

  func render(name: String, labels: String, into text: inout String) {
    text += "\(name)\(labels) \(PrometheusText.number(sum.value))\n"
  }
}

final class GaugeSeries: MetricSeries, MeterHandler, RecorderHandler {
  static let kind = MetricFamily.Kind.gauge
  private let level = AtomicDouble()

  func set(_ value: Int64) { level.set(Double(value)) }
  func set(_ value: Double) { level.set(value) }
  func increment(by amount: Double) { level.add(amount) }
  func decrement(by amount: Double) { level.add(-amount) }
  func record(_ value: Int64) { set(value) }
  func record(_ value: Double) { set(value) }

  func render(name: String, labels: String, into text: inout String) {
    text += "\(name)\(labels) \(PrometheusText.number(level.value))\n"
  }
}

/// Counts by bucket, with the sum; three atomic operations for each use.
final class HistogramSeries: MetricSeries, TimerHandler, RecorderHandler {
  static let kind = MetricFamily.Kind.histogram
  /// Upper bounds, rising; what exceeds the last is counted behind it.
  private let bounds: [Double]
  private let counts: [ManagedAtomic<Int64>]
  private let sum = AtomicDouble()

  init(bounds: [Double]) {
    self.bounds = bounds
    counts = (0...bounds.count).map { _ in ManagedAtomic(0) }
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }
  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    guard value.isFinite else { return }
    let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
    counts[bucket].wrappingIncrement(ordering: .relaxed)
    sum.add(value)
  }

  func render(name: String, labels: String, into text: inout String) {
    var cumulative: Int64 = 0
    for (index, count) in counts.enumerated() {
      cumulative &+= count.load(ordering: .relaxed)
      let bound = index < bounds.count ? PrometheusText.number(bounds[index]) : "+Inf"
      let bucketLabels = PrometheusText.adding("le", bound, to: labels)
      text += "\(name)_bucket\(bucketLabels) \(cumulative)\n"
    }
    text += "\(name)_sum\(labels) \(PrometheusText.number(sum.value))\n"
    text += "\(name)_count\(labels) \(cumulative)\n"
  }
}
