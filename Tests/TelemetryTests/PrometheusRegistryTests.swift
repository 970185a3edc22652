import CoreMetrics
import Testing

@testable import Telemetry

@Suite struct PrometheusRegistryTests {
  @Test func `counters, gauges and histograms are rendered`() {
    let registry = PrometheusRegistry()
    registry.describe("requests_total", help: "Requests,\nall of them.")
    let counter = Counter(
      label: "requests_total", dimensions: [("status", "200"), ("method", "GET")],
      factory: registry)
    counter.increment()
    counter.increment(by: 2)
    Meter(label: "open", factory: registry).set(3)
    let timer = Timer(label: "seconds", factory: registry)
    timer.recordNanoseconds(50_000)
    timer.recordNanoseconds(50_001)
    timer.recordNanoseconds(60_000_000_000)

    let lines = Set(registry.exposition().split(separator: "\n").map(String.init))
    #expect(lines.contains("# HELP requests_total Requests,\\nall of them."))
    #expect(lines.contains("# TYPE requests_total counter"))
    #expect(lines.contains(#"requests_total{method="GET",status="200"} 3"#))
    #expect(lines.contains("# TYPE open gauge"))
    #expect(lines.contains("open 3"))
    #expect(lines.contains("# TYPE seconds histogram"))
    #expect(lines.contains(#"seconds_bucket{le="5e-05"} 1"#))
    #expect(lines.contains(#"seconds_bucket{le="0.0001"} 2"#))
    #expect(lines.contains(#"seconds_bucket{le="10"} 2"#))
    #expect(lines.contains(#"seconds_bucket{le="+Inf"} 3"#))
    #expect(lines.contains("seconds_count 3"))
  }

  @Test func `two handles of one label set count together`() {
    let registry = PrometheusRegistry()
    Counter(label: "a", dimensions: [("x", "1"), ("y", "2")], factory: registry).increment()
    Counter(label: "a", dimensions: [("y", "2"), ("x", "1")], factory: registry).increment()
    #expect(registry.exposition() == "# TYPE a counter\na{x=\"1\",y=\"2\"} 2\n")
  }

  @Test func `label sets past the bound share one series`() {
    let registry = PrometheusRegistry(maximumSeries: 2)
    for value in 0..<50 {
      Counter(label: "a", dimensions: [("x", "\(value)")], factory: registry).increment()
    }
    let samples = registry.exposition().split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(samples == [#"a{x="0"} 1"#, #"a{x="1"} 1"#, #"a{x="other"} 48"#])
  }

  @Test func `a name of two kinds keeps its first`() {
    let registry = PrometheusRegistry(maximumFamilies: 1)
    Counter(label: "a", factory: registry).increment()
    Meter(label: "a", factory: registry).set(7)
    Counter(label: "b", factory: registry).increment()
    #expect(registry.exposition() == "# TYPE a counter\na 1\n")
    #expect(registry.rejectedHandles == 2)
  }

  @Test func `hostile label values stay inside their quotes`() {
    let registry = PrometheusRegistry()
    let value = "\"} 1\nforged 2\\" + String(repeating: "x", count: 500)
    Counter(label: "a b", dimensions: [("1-x", value)], factory: registry).increment()
    let lines = registry.exposition().split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[1].hasPrefix(#"a_b{_1_x="\"} 1\nforged 2\\xxx"#))
    #expect(lines[1].utf8.count < 200)
  }

  @Test func `a destroyed series is gone`() {
    let registry = PrometheusRegistry()
    let gauge = Meter(label: "a", factory: registry)
    gauge.set(1)
    gauge.destroy()
    #expect(registry.exposition().isEmpty)
  }

  @Test func `nothing is lost under contention`() async {
    let registry = PrometheusRegistry()
    let timer = Timer(label: "t", factory: registry)
    let gauge = Meter(label: "g", factory: registry)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<5000 {
            timer.recordNanoseconds(1_000_000_000)
            gauge.increment(by: 1)
          }
        }
      }
    }
    let lines = Set(registry.exposition().split(separator: "\n").map(String.init))
    #expect(lines.contains("t_sum 20000"))
    #expect(lines.contains("t_count 20000"))
    #expect(lines.contains("g 20000"))
  }

  @Test func `every metric has a name of its own and an explanation`() {
    let names = MetricName.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(MetricName.all.allSatisfy { !$0.help.isEmpty })
    #expect(names.allSatisfy { PrometheusText.metricName($0) == $0 })
  }
}
