internal import Tracing

/// Carries the trace in the headers of messages: `traceparent`, as W3C Trace Context names it, when the installed tracer
/// writes that. Span names, kinds and attributes are those of OpenTelemetry's conventions for messaging (``Conventions``).
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

  // MARK: Publishing

  /// Publishes inside a span of the kind `producer`: its trace is the one in which the messages are made.
  ///
  /// - Parameters:
  ///   - count: how many.
  ///   - exchange: that of events; of jobs, an empty text.
  ///   - key: the routing key; of jobs, the queue; of several that differ, `nil`.
  func publishing<Result>(
    _ count: Int, to exchange: @autoclosure () -> String, _ key: @autoclosure () -> String?, system: String,
    _ body: (NotedSpan) async throws -> Result
  ) async throws -> Result {
    guard let tracer else { return try await body(NotedSpan(span: nil)) }
    let key = key()
    let destination = Conventions.destination(exchange(), key)
    let span = tracer.startAnySpan("publish " + destination, ofKind: .producer)
    describe(span, .publish, destination, system, key: key, count: count)
    return try await inside(span) { try await body(NotedSpan(span: span)) }
  }

  /// Publishes what was made before inside a span of the kind `client`, with a link to each trace in which a message was
  /// made; the messages keep those traces.
  func publishing<Result>(
    stored publications: [Publication], system: String, _ body: (NotedSpan) async throws -> Result
  ) async throws -> Result {
    guard let tracer, let first = publications.first else { return try await body(NotedSpan(span: nil)) }
    let whole = first.conventionalDestination
    let isOne = publications.allSatisfy { $0.conventionalDestination == whole }
    let destination = isOne ? whole : first.destination.place
    let span = tracer.startAnySpan("publish " + destination, ofKind: .client)
    let isBatch = publications.count > 1
    describe(
      span, .publish, destination, system, key: isOne ? first.conventionalRoutingKey : nil,
      isBatch ? nil : first.message, count: publications.count)
    for publication in publications {
      let context = context(in: publication.message.headers, tracer)
      if context.isEmpty { continue }
      // What differs from message to message stands at its link.
      var attributes: SpanAttributes = [:]
      if isBatch { attributes[Conventions.Attribute.messageID] = publication.message.id?.rawValue }
      if !isOne { attributes[Conventions.Attribute.destination] = publication.conventionalDestination }
      span.addLink(SpanLink(context: context, attributes: attributes))
    }
    return try await inside(span) { try await body(NotedSpan(span: span)) }
  }

  /// A span of which more becomes known while it lasts; none without a tracer.
  struct NotedSpan {
    fileprivate let span: (any Span)?

    /// Says which message it is.
    func describe(_ message: Message) {
      guard let span, span.isRecording else { return }
      span.updateAttributes { message.describe(&$0) }
    }

    /// Says with what a message of it has failed.
    func note(_ error: any Error) {
      span?.attributes[Conventions.Attribute.errorType] = Conventions.type(of: error)
      span?.setStatus(SpanStatus(code: .error))
    }
  }

  // MARK: Handling

  /// Handles a delivery inside a span of the kind `consumer`, whose parent is the span that published it. Where the worker itself
  /// runs in a span, that is linked.
  func handling(_ delivery: Delivery, system: String, _ body: @Sendable () async throws -> Void) async throws {
    guard let tracer else { return try await body() }
    let destination = Conventions.destination(of: delivery)
    let (parent, link) = parent(of: delivery, tracer)
    let span = tracer.startAnySpan("process " + destination, context: parent, ofKind: .consumer)
    describe(span, .process, destination, system, key: delivery.routingKey.rawValue, delivery.message)
    if let link { span.addLink(link) }
    try await inside(span, body)
  }

  /// Settles a delivery inside a span of the kind `client`, whose parent is the span that published the message.
  func settling<Result>(
    _ delivery: Delivery, system: String, _ body: () async throws(BrokerError) -> Result
  ) async throws(BrokerError) -> Result {
    guard let tracer else { return try await body() }
    let destination = Conventions.destination(of: delivery)
    let (parent, link) = parent(of: delivery, tracer)
    let span = tracer.startAnySpan("settle " + destination, context: parent, ofKind: .client)
    defer { span.end() }
    describe(span, .settle, destination, system, key: nil, delivery.message)
    if let link { span.addLink(link) }
    do { return try await body() } catch {
      fail(span, error)
      throw error
    }
  }

  /// Runs `body` with a span as the current one, and ends it. What a handler decides by what it throws is no error of it.
  private func inside<Result>(_ span: any Span, _ body: () async throws -> Result) async throws -> Result {
    defer { span.end() }
    do { return try await ServiceContext.withValue(span.context, operation: body) } catch {
      if Conventions.isFailure(error) { fail(span, error) }
      throw error
    }
  }

  private func fail(_ span: any Span, _ error: any Error) {
    NotedSpan(span: span).note(error)
    span.recordError(error)
  }

  // MARK: Contexts

  /// Writes the current trace into the headers.
  func inject(into headers: inout Message.Headers) {
    guard let tracer, let context = ServiceContext.current else { return }
    tracer.inject(context, into: &headers, using: Headers())
  }

  private func context(in headers: Message.Headers, _ tracer: any Tracer) -> ServiceContext {
    var context = ServiceContext.topLevel
    tracer.extract(headers, into: &context, using: Headers())
    return context
  }

  /// The trace that the message brings, or else that of the worker; and a link to that of the worker when it is not the parent.
  private func parent(of delivery: Delivery, _ tracer: any Tracer) -> (parent: ServiceContext, link: SpanLink?) {
    let ambient = ServiceContext.current ?? .topLevel
    let brought = context(in: delivery.message.headers, tracer)
    if brought.isEmpty { return (ambient, nil) }
    if ambient.isEmpty { return (brought, nil) }
    var parent = ambient
    tracer.extract(delivery.message.headers, into: &parent, using: Headers())
    return (parent, SpanLink(context: ambient, attributes: [:]))
  }

  private struct Headers: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout Message.Headers) { carrier[key] = value }
    func extract(key: String, from carrier: Message.Headers) -> String? { carrier[key] }
  }

  // MARK: Attributes, all at once: each change of a span can lock and copy. A span that is not recorded gets none.

  private func describe(
    _ span: any Span, _ operation: Conventions.Operation, _ destination: String, _ system: String, key: String?,
    _ message: Message? = nil, count: Int = 1
  ) {
    guard span.isRecording else { return }
    span.updateAttributes { attributes in
      attributes[Conventions.Attribute.system] = system
      attributes[Conventions.Attribute.operationName] = operation.rawValue
      attributes[Conventions.Attribute.operationType] = operation.type
      attributes[Conventions.Attribute.destination] = destination
      if count > 1 { attributes[Conventions.Attribute.batchCount] = count }
      if let message { message.describe(&attributes) }
      guard system == Conventions.rabbitMQ, let key, !key.isEmpty else { return }
      attributes[Conventions.Attribute.routingKey] = key
    }
  }
}

extension Message {
  fileprivate func describe(_ attributes: inout SpanAttributes) {
    attributes[Conventions.Attribute.messageID] = id?.rawValue
    attributes[Conventions.Attribute.conversationID] = correlationID
  }
}
