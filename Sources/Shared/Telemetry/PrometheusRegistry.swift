import CoreMetrics
import Synchronization

/// The metrics of a process, rendered in Prometheus' text format.
///
/// Memory is bounded: a metric holds at most ``maximumSeries`` label sets, and what comes after
/// them counts into one series whose label values are all ``overflowValue``. A name that is used
/// for a second kind of metric, and names past ``maximumFamilies``, get a handle that counts
/// nowhere; ``rejectedHandles`` says how many.
package final class PrometheusRegistry: Sendable {
  package static let overflowValue = "other"

  /// The upper bounds of timers' buckets, in seconds: from 50 µs, where a proxied statement
  /// begins, to 10 s.
  package static let defaultSecondsBounds: [Double] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1, 2.5, 5, 10,
  ]
  /// The upper bounds of recorders' buckets: powers of four.
  package static let defaultValueBounds: [Double] = (0...12).map { Double(1 << (2 * $0)) }

  /// The most label sets of one metric.
  package let maximumSeries: Int
  /// The most metrics.
  package let maximumFamilies: Int

  private let state = Mutex(State())

  private struct State {
    var families: [String: MetricFamily] = [:]
    var help: [String: String] = [:]
    var rejectedHandles = 0
  }

  package init(maximumSeries: Int = 200, maximumFamilies: Int = 500) {
    self.maximumSeries = max(1, maximumSeries)
    self.maximumFamilies = max(1, maximumFamilies)
  }

  /// How many handles were given out that count nowhere; above 0 is a mistake in the program.
  package var rejectedHandles: Int { state.withLock { $0.rejectedHandles } }

  /// Sets the explanation of a metric, shown as its `# HELP` line.
  package func describe(_ name: String, help: String) {
    state.withLock { $0.help[PrometheusText.metricName(name)] = help }
  }

  /// All metrics in the text exposition format 0.0.4, sorted by name.
  package func exposition() -> String {
    let (families, help) = state.withLock { ($0.families, $0.help) }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      if let help = help[name] {
        text += "# HELP \(name) \(PrometheusText.escapedHelp(help))\n"
      }
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        series.render(name: name, labels: labels, into: &text)
      }
    }
    return text
  }

  /// The series of a metric under a label set, made when it is not there yet.
  func series<Series: MetricSeries>(
    _ label: String, _ dimensions: [(String, String)], make: () -> Series
  ) -> Series {
    let name = PrometheusText.metricName(label)
    let labels = PrometheusText.labels(dimensions)
    return state.withLock { state in
      var family = state.families[name] ?? MetricFamily(kind: Series.kind)
      let full = state.families[name] == nil && state.families.count >= maximumFamilies
      guard !full, family.kind == Series.kind else {
        state.rejectedHandles += 1
        return make()
      }
      var key = labels
      if family.series[key] == nil, family.series.count >= maximumSeries {
        key = PrometheusText.labels(dimensions.map { ($0.0, Self.overflowValue) })
      }
      if let known = family.series[key] as? Series { return known }
      let made = make()
      family.series[key] = made
      state.families[name] = family
      return made
    }
  }

  /// Takes a series out of the exposition.
  func remove(_ series: AnyObject) {
    state.withLock { state in
      for (name, family) in state.families {
        guard let key = family.series.first(where: { $0.value === series })?.key else { continue }
        state.families[name]?.series[key] = nil
        if state.families[name]?.series.isEmpty == true { state.families[name] = nil }
        return
      }
    }
  }
}

/// All series of one metric.
struct MetricFamily {
  enum Kind: String {
    case counter
    case gauge
    case histogram
  }
  let kind: Kind
  /// By rendered label set, `{a="b"}` or empty.
  var series: [String: any MetricSeries] = [:]
}

/// One label set of a metric: atomics that are written without a lock.
protocol MetricSeries: AnyObject, Sendable {
  static var kind: MetricFamily.Kind { get }
  func render(name: String, labels: String, into text: inout String)
}

extension PrometheusRegistry: MetricsFactory {
  package func makeCounter(
    label: String, dimensions: [(String, String)]
  ) -> any CounterHandler {
    series(label, dimensions) { CounterSeries() }
  }

  package func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, dimensions) { FloatingPointCounterSeries() }
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions) { GaugeSeries() }
  }

  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    guard aggregate else { return series(label, dimensions) { GaugeSeries() } }
    return series(label, dimensions) { HistogramSeries(bounds: Self.defaultValueBounds) }
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label, dimensions) { HistogramSeries(bounds: Self.defaultSecondsBounds) }
  }

  package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    remove(handler)
  }
  package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}
