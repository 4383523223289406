public import CoreMetrics
internal import Synchronization

/// A swift-metrics backend that keeps everything in memory and writes Prometheus' text format, version 0.0.4.
///
/// Counters stay counters, meters and recorders without aggregation become gauges, timers and other recorders become
/// histograms; timers are in seconds. What is not allowed in a name becomes `_`.
public final class PrometheusMetrics: MetricsFactory {
  /// The media type of ``text``.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private struct Family {
    var kind: Series.Kind
    /// By rendered labels.
    var series: [String: Series] = [:]
  }
  private let families = Mutex<[String: Family]>([:])

  /// A backend without metrics.
  public init() {}

  /// All metrics, by name.
  public var text: String {
    let families = families.withLock { $0 }
    var lines: [String] = []
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      lines.append("# TYPE \(name) \(family.kind.rawValue)")
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        lines += series.lines(name: name, labels: labels)
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// See `MetricsFactory`.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, dimensions, .counter)
  }
  /// See `MetricsFactory`.
  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler { series(label, dimensions, .counter) }
  /// See `MetricsFactory`.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions, .gauge)
  }
  /// See `MetricsFactory`.
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    series(label, dimensions, aggregate ? .histogram : .gauge)
  }
  /// See `MetricsFactory`.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label.hasSuffix("seconds") ? label : label + "_seconds", dimensions, .histogram)
  }

  // Counters and histograms stay: one that began again at 0 whenever its owner went would look like a restart. A gauge that its owner
  // withdraws goes, since its last value is true no more.

  /// See `MetricsFactory`.
  public func destroyCounter(_ handler: any CounterHandler) {}
  /// See `MetricsFactory`.
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  /// See `MetricsFactory`.
  public func destroyMeter(_ handler: any MeterHandler) { withdraw(handler) }
  /// See `MetricsFactory`.
  public func destroyRecorder(_ handler: any RecorderHandler) { withdraw(handler) }
  /// See `MetricsFactory`.
  public func destroyTimer(_ handler: any TimerHandler) {}

  private func withdraw(_ handler: AnyObject) {
    families.withLock { families in
      for (name, family) in families where family.kind == .gauge {
        families[name]?.series = family.series.filter { $0.value !== handler }
      }
    }
  }

  private func series(_ label: String, _ dimensions: [(String, String)], _ kind: Series.Kind) -> Series {
    let name = Self.name(label)
    let labels = dimensions.map { "\(Self.name($0.0))=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
    return families.withLock { families in
      var family = families[name] ?? Family(kind: kind)
      // The first use of a name decides its kind; Prometheus does not take two.
      if let known = family.series[labels] { return known }
      let series = Series(family.kind)
      family.series[labels] = series
      families[name] = family
      return series
    }
  }

  private static func name(_ text: String) -> String {
    let name = String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "_" })
    return name.first?.isNumber == true ? "_" + name : name
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}

/// One metric with one set of labels. Which of the handlers' methods are called depends on its kind.
private final class Series: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
  enum Kind: String {
    case counter, gauge, histogram
  }
  private struct Values {
    /// The value of a counter or gauge, the sum of a histogram.
    var sum = 0.0
    var count = 0
    var buckets = [Int](repeating: 0, count: Series.bounds.count)
  }
  private static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

  private let kind: Kind
  private let values = Mutex(Values())

  init(_ kind: Kind) { self.kind = kind }

  func increment(by amount: Int64) { values.withLock { $0.sum += Double(amount) } }
  func increment(by amount: Double) { values.withLock { $0.sum += amount } }
  func decrement(by amount: Double) { values.withLock { $0.sum -= amount } }
  func reset() { values.withLock { $0 = Values() } }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { values.withLock { $0.sum = value } }
  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) { kind == .histogram ? observe(value) : set(value) }
  func recordNanoseconds(_ duration: Int64) { observe(Double(duration) / 1e9) }

  private func observe(_ value: Double) {
    values.withLock { values in
      values.sum += value
      values.count += 1
      if let index = Self.bounds.firstIndex(where: { value <= $0 }) { values.buckets[index] += 1 }
    }
  }

  func lines(name: String, labels: String) -> [String] {
    let values = values.withLock { $0 }
    let braces = labels.isEmpty ? "" : "{\(labels)}"
    guard kind == .histogram else { return ["\(name)\(braces) \(Self.number(values.sum))"] }
    let comma = labels.isEmpty ? "" : ","
    var lines: [String] = []
    var below = 0
    for (bound, count) in zip(Self.bounds, values.buckets) {
      below += count
      lines.append("\(name)_bucket{\(labels)\(comma)le=\"\(Self.number(bound))\"} \(below)")
    }
    lines.append("\(name)_bucket{\(labels)\(comma)le=\"+Inf\"} \(values.count)")
    lines.append("\(name)_sum\(braces) \(Self.number(values.sum))")
    lines.append("\(name)_count\(braces) \(values.count)")
    return lines
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
