internal import Foundation
internal import Synchronization
package import Tracing

/// The cheapest tracer that does its work: it makes an id for each span and carries it in `traceparent`. What it records of a
/// span goes when that ends.
package struct HeaderTracer: Tracer {
  private let records: Bool

  /// - Parameter records: whether spans want to be described, as all do that a sampler does not leave out.
  package init(records: Bool = false) { self.records = records }

  /// How many spans were begun, of all tracers together.
  package static var spans: UInt64 { begun.load(ordering: .relaxed) & 0xffff_ffff }

  fileprivate final class Record: Sendable {
    let attributes = Mutex<SpanAttributes>([:])
  }

  package struct Span: Tracing.Span {
    package let context: ServiceContext
    fileprivate let record: Record?
    package var operationName: String {
      get { "" }
      nonmutating set {}
    }
    package var attributes: SpanAttributes {
      get { record?.attributes.withLock { $0 } ?? [:] }
      nonmutating set { record?.attributes.withLock { $0 = newValue } }
    }
    package var isRecording: Bool { record != nil }
    package func setStatus(_ status: SpanStatus) {}
    package func addEvent(_ event: SpanEvent) {}
    package func addLink(_ link: SpanLink) {}
    package func recordError<Instant: TracerInstant>(
      _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {}
    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {}
  }

  private enum Key: ServiceContextKey { typealias Value = String }

  package func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
  ) -> Span {
    var context = context()
    context[Key.self] = traceparent(continuing: context[Key.self])
    return Span(context: context, record: records ? Record() : nil)
  }
  package func forceFlush() {}

  package func inject<Carrier, Inject: Injector>(
    _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
  )
  where Carrier == Inject.Carrier {
    if let trace = context[Key.self] { injector.inject(trace, forKey: "traceparent", into: &carrier) }
  }
  package func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  )
  where Carrier == Extract.Carrier {
    if let trace = extractor.extract(key: "traceparent", from: carrier) { context[Key.self] = trace }
  }
}

/// Ids need no randomness here, and randomness costs a system call.
private let begun = Atomic(UInt64(getpid()) << 32)

/// `00-TRACE-SPAN-01`: the trace of the parent, or a new one, and a new span.
private func traceparent(continuing parent: String?) -> String {
  let span = begun.add(1, ordering: .relaxed).newValue
  return String(unsafeUninitializedCapacity: 55) { bytes in
    let template = parent ?? "00-00000000000000000000000000000000-0000000000000000-01"
    _ = bytes.initialize(from: template.utf8)
    func write(_ number: UInt64, at end: Int) {
      for digit in 0..<16 { bytes[end - digit] = hexDigits[Int(number >> (digit * 4) & 15)] }
    }
    if parent == nil { write(span, at: 34) }
    write(span, at: 51)
    return 55
  }
}

private let hexDigits = Array("0123456789abcdef".utf8)
