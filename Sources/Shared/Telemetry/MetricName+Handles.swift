import Metrics

/// Handles to metrics: look one up once and keep it; using it is then one atomic operation.
extension MetricName {
  /// A counter; `labels` are (name, value) pairs with values from a small fixed set.
  package func counter(
    _ labels: [(String, String)] = [], in factory: (any MetricsFactory)? = nil
  ) -> Counter {
    Counter(label: name, dimensions: labels, factory: factory ?? MetricsSystem.factory)
  }

  /// A gauge that is set, raised and lowered.
  package func gauge(
    _ labels: [(String, String)] = [], in factory: (any MetricsFactory)? = nil
  ) -> Meter {
    Meter(label: name, dimensions: labels, factory: factory ?? MetricsSystem.factory)
  }

  /// A histogram of durations, exposed in seconds.
  package func timer(
    _ labels: [(String, String)] = [], in factory: (any MetricsFactory)? = nil
  ) -> Metrics.Timer {
    Metrics.Timer(label: name, dimensions: labels, factory: factory ?? MetricsSystem.factory)
  }
}
