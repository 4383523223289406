import BrokerConformance
import Foundation
import Metrics
import Synchronization
import Tracing
import Warren

/// Metrics whose values a test can read.
final class CountingMetrics: MetricsFactory {
  /// What a metric can be.
  enum Kind: Sendable { case counter, gauge, timer }
  private let values = Watched<[String: Double]>([:])
  private let found = Mutex<[String: Set<Kind>]>([:])

  /// What the metrics of each label are.
  var kinds: [String: Set<Kind>] { found.withLock { $0 } }

  private static func key(_ label: String, _ dimensions: [(String, String)]) -> String {
    ([label] + dimensions.map { "\($0.0)=\($0.1)" }.sorted()).joined(separator: "|")
  }

  var labels: [String] { Array(values.value.keys) }

  /// The sum over all series of this label whose dimensions include these; `nil` when there is none.
  func value(_ label: String, _ dimensions: [String: String]) -> Double? {
    Self.sum(values.value, label, dimensions)
  }

  private static func sum(_ values: [String: Double], _ label: String, _ dimensions: [String: String]) -> Double? {
    let found = values.filter { key, _ in
      let parts = key.split(separator: "|").map(String.init)
      return parts.first == label && dimensions.allSatisfy { parts.contains("\($0.key)=\($0.value)") }
    }
    return found.isEmpty ? nil : found.values.reduce(0, +)
  }

  /// Waits until a value has been reached, which must happen.
  func wait(_ label: String, _ dimensions: [String: String], _ wanted: Double) async throws {
    do {
      try await within { await self.values.wait { Self.sum($0, label, dimensions) == wanted } }
    } catch { throw ScenarioFailure("\(label) \(dimensions) is \(value(label, dimensions) ?? -1), not \(wanted)") }
  }

  private final class Series: CounterHandler, RecorderHandler, TimerHandler {
    let key: String
    let change: @Sendable (Double, Bool) -> Void
    init(_ key: String, _ change: @escaping @Sendable (Double, Bool) -> Void) {
      (self.key, self.change) = (key, change)
    }
    func increment(by amount: Int64) { change(Double(amount), true) }
    func reset() { change(0, false) }
    func record(_ value: Int64) { change(Double(value), false) }
    func record(_ value: Double) { change(value, false) }
    func recordNanoseconds(_ duration: Int64) { change(Double(duration), false) }
  }
  private func series(_ label: String, _ dimensions: [(String, String)], _ kind: Kind) -> Series {
    _ = found.withLock { $0[label, default: []].insert(kind) }
    let key = Self.key(label, dimensions)
    return Series(key) { value, isIncrement in
      self.values.withValue { $0[key] = isIncrement ? ($0[key] ?? 0) + value : value }
    }
  }
  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, dimensions, .counter)
  }
  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    series(label, dimensions, .gauge)
  }
  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label, dimensions, .timer)
  }
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {
    guard let key = (handler as? Series)?.key else { return }
    values.withValue { _ = $0.removeValue(forKey: key) }
  }
  func destroyTimer(_ handler: any TimerHandler) {}
}

/// A tracer that writes W3C `traceparent` and keeps its spans.
final class RecordingTracer: Tracer {
  struct Record: Sendable {
    var name: String
    var kind: SpanKind
    var id: String
    var parent: String?
    var attributes: [String: SpanAttribute] = [:]
    /// The spans that it is linked to.
    var links: [String] = []
    var isError = false
  }
  private let records = Watched<[Record]>([])

  /// The spans that have ended.
  var spans: [Record] { records.value }

  /// Waits until a span of this name has ended, which must happen.
  func wait(for name: String) async throws {
    do {
      try await within { await self.records.wait { $0.contains { $0.name == name } } }
    } catch { throw ScenarioFailure("there is no span '\(name)'") }
  }

  enum SpanIDKey: ServiceContextKey { typealias Value = String }

  func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
  ) -> RecordedSpan {
    var context = context()
    let parent = context[SpanIDKey.self]
    let id = String(UInt64.random(in: 1...UInt64.max), radix: 16)
    context[SpanIDKey.self] = id
    let record = Record(name: operationName, kind: kind, id: id, parent: parent)
    return RecordedSpan(context, record) { record in self.records.withValue { $0.append(record) } }
  }
  func forceFlush() {}
  func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {
    guard let header = extractor.extract(key: "traceparent", from: carrier) else { return }
    context[SpanIDKey.self] = header.split(separator: "-").dropFirst(2).first.map(String.init)
  }
  func inject<Carrier, Inject: Injector>(
    _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject.Carrier == Carrier {
    guard let id = context[SpanIDKey.self] else { return }
    injector.inject("00-0af7651916cd43dd8448eb211c80319c-\(id)-01", forKey: "traceparent", into: &carrier)
  }
}

final class RecordedSpan: Span {
  let context: ServiceContext
  private let record: Mutex<(RecordingTracer.Record, SpanAttributes)>
  private let onEnd: @Sendable (RecordingTracer.Record) -> Void

  init(
    _ context: ServiceContext, _ record: RecordingTracer.Record,
    onEnd: @escaping @Sendable (RecordingTracer.Record) -> Void
  ) {
    self.context = context
    self.onEnd = onEnd
    self.record = Mutex((record, [:]))
  }
  var operationName: String {
    get { record.withLock { $0.0.name } }
    set { record.withLock { $0.0.name = newValue } }
  }
  var attributes: SpanAttributes {
    get { record.withLock { $0.1 } }
    set { record.withLock { $0.1 = newValue } }
  }
  var isRecording: Bool { true }
  func setStatus(_ status: SpanStatus) { record.withLock { $0.0.isError = status.code == .error } }
  func addEvent(_ event: SpanEvent) {}
  func recordError<Instant: TracerInstant>(
    _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
  ) {}
  func addLink(_ link: SpanLink) {
    record.withLock { $0.0.links.append(link.context[RecordingTracer.SpanIDKey.self] ?? "") }
  }
  func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
    let (ended, attributes) = record.withLock { $0 }
    var record = ended
    attributes.forEach { record.attributes[$0] = $1 }
    onEnd(record)
  }
}
