import CoreMetrics
import Synchronization

/// Remembers the last value of each metric, and the sum of each counter.
final class TestMetrics: MetricsFactory, Sendable {
  private let values = Mutex<[String: Double]>([:])

  func value(_ label: String) -> Double? { values.withLock { $0[label] } }

  private final class Handler: CounterHandler, RecorderHandler, TimerHandler, FloatingPointCounterHandler, MeterHandler
  {
    private let label: String
    private let metrics: TestMetrics

    init(_ label: String, _ metrics: TestMetrics) {
      self.label = label
      self.metrics = metrics
    }

    private func keep(_ value: Double) { metrics.values.withLock { $0[label] = value } }
    private func add(_ value: Double) { metrics.values.withLock { $0[label, default: 0] += value } }

    func increment(by amount: Int64) { add(Double(amount)) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func reset() { keep(0) }
    func record(_ value: Int64) { keep(Double(value)) }
    func record(_ value: Double) { keep(value) }
    func recordNanoseconds(_ duration: Int64) { keep(Double(duration)) }
    func set(_ value: Int64) { keep(Double(value)) }
    func set(_ value: Double) { keep(value) }
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { Handler(label, self) }
  func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
    Handler(label, self)
  }
  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { Handler(label, self) }
  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    Handler(label, self)
  }
  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { Handler(label, self) }
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  func destroyMeter(_ handler: any MeterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}
