package import CoreMetrics
internal import Synchronization

/// The least that a backend of metrics does: it adds, and sorts times into the buckets of histograms. Nothing is exported.
package struct CountingMetrics: MetricsFactory {
  /// How often something was counted or timed.
  package static var records: Int { all.withLock { $0.reduce(0) { $0 + $1.records } } }
  private static let all = Mutex<[Histogram]>([])

  package init() {}

  private func make() -> Histogram {
    let histogram = Histogram()
    Self.all.withLock { $0.append(histogram) }
    return histogram
  }

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { make() }
  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { make() }
  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler { make() }
  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
}

/// How often each size came, where a size is a power of two, and the sum of all.
private final class Histogram: CounterHandler, TimerHandler, RecorderHandler {
  private struct State {
    var sum = 0.0
    var buckets = [Int](repeating: 0, count: 64)
  }
  private let state = Mutex(State())

  var records: Int { state.withLock { $0.buckets.reduce(0, +) } }

  func increment(by amount: Int64) { note(amount) }
  func recordNanoseconds(_ duration: Int64) { note(duration) }
  func record(_ value: Int64) { note(value) }
  func record(_ value: Double) { note(Int64(value)) }
  func reset() { state.withLock { $0 = State() } }

  private func note(_ value: Int64) {
    let bucket = 63 - max(1, value).leadingZeroBitCount
    state.withLock { state in
      state.sum += Double(value)
      state.buckets[bucket] += 1
    }
  }
}
