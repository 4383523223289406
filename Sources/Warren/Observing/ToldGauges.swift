internal import Metrics

/// The gauges that this process sets. Those that it does not set any more are withdrawn from the backend, which would go on showing
/// their last values.
package struct ToldGauges {
  private struct Series: Hashable {
    var label: String
    var dimensions: [String]
  }
  private var gauges: [Series: Gauge] = [:]
  private var told: Set<Series> = []

  /// None yet.
  package init() {}

  /// Sets a gauge.
  package mutating func set(_ label: String, _ dimensions: [(String, String)], _ value: some BinaryFloatingPoint) {
    let series = Series(label: label, dimensions: dimensions.flatMap { [$0.0, $0.1] })
    let gauge = gauges[series] ?? Gauge(label: label, dimensions: dimensions)
    gauges[series] = gauge
    told.insert(series)
    gauge.record(value)
  }

  /// Withdraws those that were not set since the last call.
  package mutating func withdrawOthers() {
    for (series, gauge) in gauges where !told.contains(series) {
      gauge.destroy()
      gauges[series] = nil
    }
    told = []
  }
}
