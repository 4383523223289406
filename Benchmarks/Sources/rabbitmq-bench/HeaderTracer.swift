internal import Tracing

/// The cheapest tracer that does its work: it makes an id for each span and carries it in `traceparent`, and keeps nothing.
struct HeaderTracer: Tracer {
  struct Span: Tracing.Span {
    let context: ServiceContext
    var operationName: String {
      get { "" }
      nonmutating set {}
    }
    var attributes: SpanAttributes {
      get { [:] }
      nonmutating set {}
    }
    var isRecording: Bool { false }
    func setStatus(_ status: SpanStatus) {}
    func addEvent(_ event: SpanEvent) {}
    func addLink(_ link: SpanLink) {}
    func recordError<Instant: TracerInstant>(
      _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {}
    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {}
  }

  private enum Key: ServiceContextKey { typealias Value = String }

  func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
  ) -> Span {
    var context = context()
    let trace =
      context[Key.self]?.dropFirst(3).prefix(32) ?? hex(.random(in: 0...(.max))) + hex(.random(in: 0...(.max)))
    context[Key.self] = "00-\(trace)-\(hex(.random(in: 0...(.max))))-01"
    return Span(context: context)
  }
  func forceFlush() {}

  func inject<Carrier, Inject: Injector>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
  where Carrier == Inject.Carrier {
    if let trace = context[Key.self] { injector.inject(trace, forKey: "traceparent", into: &carrier) }
  }
  func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  )
  where Carrier == Extract.Carrier {
    if let trace = extractor.extract(key: "traceparent", from: carrier) { context[Key.self] = trace }
  }
}

private func hex(_ number: UInt64) -> Substring {
  let digits = String(number, radix: 16)
  return Substring(repeatElement("0", count: 16 - digits.utf8.count) + digits)
}
