internal import Tracing

/// Carries the trace in the headers of messages: `traceparent`, as W3C Trace Context names it, when the installed tracer
/// writes that. Span kinds and attributes follow OpenTelemetry's conventions for messaging.
struct MessageTrace: Sendable {
  /// Whether anyone has installed a tracer: without one a message should not pay for spans, nor for asking.
  private let isOn: Bool

  /// Looks for the tracer, which has to be installed by now.
  init() { isOn = !(InstrumentationSystem.tracer is NoOpTracer) }

  /// Publishes inside a span of the kind `producer`.
  func publishing<Result>(
    _ count: Int, to destination: @autoclosure () -> String, _ body: () async throws -> Result
  ) async throws -> Result {
    guard isOn else { return try await body() }
    return try await withSpan("publish \(destination())", ofKind: .producer) { span in
      span.attributes["messaging.system"] = "warren"
      span.attributes["messaging.operation.type"] = "publish"
      span.attributes["messaging.destination.name"] = destination()
      if count > 1 { span.attributes["messaging.batch.message_count"] = count }
      return try await body()
    }
  }

  /// Handles a delivery inside a span of the kind `consumer`, whose parent is the span that published it.
  func handling(_ delivery: Delivery, _ body: @Sendable () async throws -> Void) async throws {
    guard isOn else { return try await body() }
    var context = ServiceContext.current ?? .topLevel
    InstrumentationSystem.instrument.extract(delivery.message.headers, into: &context, using: Headers())
    try await withSpan("process \(delivery.queue)", context: context, ofKind: .consumer) { span in
      span.attributes["messaging.system"] = "warren"
      span.attributes["messaging.operation.type"] = "process"
      span.attributes["messaging.destination.name"] = delivery.queue.rawValue
      span.attributes["messaging.message.id"] = delivery.message.id?.rawValue
      span.attributes["messaging.message.conversation_id"] = delivery.message.correlationID
      try await body()
    }
  }

  /// Writes the current trace into the headers.
  func inject(into headers: inout Message.Headers) {
    guard isOn, let context = ServiceContext.current else { return }
    InstrumentationSystem.instrument.inject(context, into: &headers, using: Headers())
  }

  private struct Headers: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout Message.Headers) { carrier[key] = value }
    func extract(key: String, from carrier: Message.Headers) -> String? { carrier[key] }
  }
}
