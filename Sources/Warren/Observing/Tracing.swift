internal import Tracing

/// Carries the trace in the headers of messages: `traceparent`, as W3C Trace Context names it, when the installed tracer
/// writes that. Span kinds and attributes follow OpenTelemetry's conventions for messaging.
struct MessageTrace: Sendable {
  /// `nil` when none is installed: without one a message should not pay for spans, nor for asking.
  private let tracer: (any Tracer)?

  /// Instead of the installed tracer, for the buses and workers that a task makes: tests run side by side.
  @TaskLocal static var own: (any Tracer)?

  /// Looks for the tracer, which has to be installed by now.
  init() {
    let tracer = Self.own ?? InstrumentationSystem.tracer
    self.tracer = tracer is NoOpTracer ? nil : tracer
  }

  /// Publishes inside a span of the kind `producer`.
  func publishing<Result>(
    _ count: Int, to destination: @autoclosure () -> String, _ body: () async throws -> Result
  ) async throws -> Result {
    guard let tracer else { return try await body() }
    return try await tracer.withAnySpan("publish \(destination())", ofKind: .producer) { span in
      span.attributes["messaging.system"] = "warren"
      span.attributes["messaging.operation.type"] = "publish"
      span.attributes["messaging.destination.name"] = destination()
      if count > 1 { span.attributes["messaging.batch.message_count"] = count }
      return try await body()
    }
  }

  /// Publishes what was made before inside a span of the kind `client`, with a link to each trace in which a message was
  /// made; the messages keep those traces.
  func publishing<Result>(stored publications: [Publication], _ body: () async throws -> Result) async throws -> Result
  {
    guard let tracer, let first = publications.first else { return try await body() }
    let destination = first.destination.place
    return try await tracer.withAnySpan("publish \(destination)", ofKind: .client) { span in
      span.attributes["messaging.system"] = "warren"
      span.attributes["messaging.operation.type"] = "publish"
      span.attributes["messaging.destination.name"] = destination
      if publications.count > 1 { span.attributes["messaging.batch.message_count"] = publications.count }
      for publication in publications {
        var context = ServiceContext.topLevel
        tracer.extract(publication.message.headers, into: &context, using: Headers())
        if !context.isEmpty { span.addLink(SpanLink(context: context, attributes: [:])) }
      }
      return try await body()
    }
  }

  /// Handles a delivery inside a span of the kind `consumer`, whose parent is the span that published it.
  func handling(_ delivery: Delivery, _ body: @Sendable () async throws -> Void) async throws {
    guard let tracer else { return try await body() }
    var context = ServiceContext.current ?? .topLevel
    tracer.extract(delivery.message.headers, into: &context, using: Headers())
    try await tracer.withAnySpan("process \(delivery.queue)", context: context, ofKind: .consumer) { span in
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
    guard let tracer, let context = ServiceContext.current else { return }
    tracer.inject(context, into: &headers, using: Headers())
  }

  private struct Headers: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout Message.Headers) { carrier[key] = value }
    func extract(key: String, from carrier: Message.Headers) -> String? { carrier[key] }
  }
}
