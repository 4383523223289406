internal import Foundation

/// Makes messages of typed events and jobs. It needs no broker, so it serves a program that stores a message first and sends it
/// later, as an outbox does; ``EventBus`` makes its messages with one.
///
/// ```swift
/// let composer = MessageComposer(source: "bookings", exchange: .topic("tutorgo_events"))
/// let publication = try composer.publication(of: BookingCreated(bookingID: id))
/// ```
/// What is made while a message is handled carries the correlation id and the trace of that message, and names it as its
/// cause.
public struct MessageComposer: Sendable {
  /// The name of this service, which its messages carry.
  public let source: String
  /// Where events go; one that makes only jobs has none.
  public let exchange: Exchange?
  let clock: any BrokerClock
  let trace = MessageTrace()
  private let codec: any MessageCodec
  private let middleware: [any Middleware]
  private let compression: Compression

  /// A composer. Install a tracer before you make one: it is looked for once.
  ///
  /// - Parameters:
  ///   - source: the name of this service.
  ///   - exchange: where events go.
  ///   - codec: how events are written to that exchange.
  ///   - middleware: what sees each message when it is made.
  ///   - compression: whether large bodies are packed, after all middleware; a type can have its own.
  ///   - clock: what messages are dated and delayed by.
  public init(
    source: String, exchange: Exchange? = nil, codec: any MessageCodec = .envelope, middleware: [any Middleware] = [],
    compression: Compression = .none, clock: any BrokerClock = SystemClock()
  ) {
    self.source = source
    self.exchange = exchange
    self.codec = codec
    self.middleware = middleware
    self.compression = compression
    self.clock = clock
  }

  /// The same composer for another exchange, and a codec for it.
  public func on(_ exchange: Exchange, codec: (any MessageCodec)? = nil) -> MessageComposer {
    MessageComposer(
      source: source, exchange: exchange, codec: codec ?? self.codec, middleware: middleware, compression: compression,
      clock: clock)
  }

  /// The message of an event, on its way to the exchange.
  ///
  /// - Parameters:
  ///   - id: an id of the caller's choosing; a new one without it.
  ///   - key: the routing key; the event's own without it.
  ///   - priority: instead of the type's own.
  ///   - timeToLive: instead of the type's own.
  ///   - headers: further headers. Names that begin with `warren-` are Warren's own.
  /// - Throws: ``BrokerError/Code/invalid`` when it cannot be encoded or there is no exchange, and what middleware throws.
  public func publication<E: EventMessage>(
    of event: E, id: MessageID? = nil, key: RoutingKey? = nil, priority: Priority? = nil, timeToLive: Duration? = nil,
    headers: Message.Headers = [:]
  ) throws -> Publication {
    guard let exchange else {
      throw BrokerError(.invalid, "the event '\(E.name)' has no exchange to go to: give `exchange:`")
    }
    return try compose(
      event, codec: codec, to: .exchange(exchange.name, key ?? event.routingKey), id: id, priority: priority,
      timeToLive: timeToLive, headers: headers)
  }

  /// The message of a job, on its way to its queue.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` when it cannot be encoded, and what middleware throws.
  public func publication(of request: JobRequest) throws -> Publication { try request.make(self, request) }

  func publication<J: JobMessage>(of job: J, _ request: JobRequest) throws -> Publication {
    if let delay = request.delay, delay < .zero {
      throw BrokerError(
        .invalid,
        "the delay of the job '\(J.name)' is \(delay.words): give a time from zero on, or at: for a time of the day")
    }
    return try compose(
      job, codec: J.codec, to: .queue(J.queue.name), id: request.id, priority: request.priority,
      timeToLive: request.timeToLive, headers: request.headers
    ) {
      if let delay = request.delay, delay > .zero { $0.notBefore = clock.now.adding(delay) }
      if let time = request.time { $0.notBefore = max(time.clamped, $0.notBefore ?? time) }
      $0.unique = request.unique
    }
  }

  private func compose<M: TypedMessage>(
    _ content: M, codec: any MessageCodec, to destination: Publication.Destination, id: MessageID?,
    priority: Priority?, timeToLive: Duration?, headers: Message.Headers,
    _ complete: (inout Publication) -> Void = { _ in }
  ) throws -> Publication {
    let timeToLive = timeToLive ?? M.timeToLive
    if let timeToLive, timeToLive <= .zero {
      throw BrokerError(
        .invalid, "the time to live of '\(M.name)' is \(timeToLive.words): give a time above zero, or none for ever")
    }
    let now = clock.now
    let body: Data
    do {
      body = try codec.encode(content, at: now)
    } catch {
      throw BrokerError(.invalid, "a message '\(M.name)' cannot be encoded: \(error)", underlying: error)
    }
    var message = Message(
      id: id ?? .unique(), name: M.name, body: body, headers: headers, contentType: codec.contentType,
      // In whole milliseconds, as it comes out of a file.
      timestamp: Date(wholeMilliseconds: now.wholeMilliseconds),
      source: source, priority: priority ?? M.priority, expiresAt: timeToLive.map { now.adding($0) })
    trace.inject(into: &message.headers)
    MessageContext.current?.pass(to: &message)
    var publication = Publication(message, to: destination)
    complete(&publication)
    if let due = publication.notBefore, let expiry = publication.message.expiresAt, expiry <= due {
      throw BrokerError(
        .invalid,
        "the job '\(M.name)' is to wait for longer than it is worth handling, and would expire before: give it a longer time to live, "
          + "which counts from now, or an earlier time")
    }
    for step in middleware { try step.publishing(&publication) }
    publication.message.pack(M.compression ?? compression)
    try publication.message.refuseReservedHeaders()
    return publication
  }
}

extension MessageComposer: CustomStringConvertible, CustomReflectable {
  /// `messages of 'bookings'`: what it holds, such as middleware with keys in it, is not for logs.
  public var description: String { "messages of '\(source)'" }
  /// Its source, and its exchange's name.
  public var customMirror: Mirror { Mirror(self, children: ["source": source, "exchange": exchange?.name as Any]) }
}
