public import Foundation

/// Where a service publishes events and enqueues jobs.
///
/// ```swift
/// let bus = EventBus(broker, exchange: .topic("tutorgo_events"), source: "bookings")
/// try await bus.publish(BookingCreated(bookingID: id))
/// try await bus.enqueue(SendEmail(to: address), id: "reminder-\(id)", after: .seconds(86_400))
/// ```
/// What a handler publishes carries the correlation id and the trace of the message that it handles, and names that
/// message as its cause.
public struct EventBus: Sendable {
  /// The engine.
  public let broker: any Broker
  /// Where events go that name no other exchange.
  public let exchange: Exchange?
  private let codec: any MessageCodec
  private let source: String
  private let middleware: [any Middleware]
  private let clock: any BrokerClock
  private let trace = MessageTrace()
  private var instruments = Instruments()

  /// A bus. Install a tracer before you make one: it is looked for once.
  ///
  /// - Parameters:
  ///   - exchange: where events go; a bus that only enqueues jobs has none.
  ///   - codec: how events are written to that exchange.
  ///   - source: the name of this service, which its messages carry.
  public init(
    _ broker: any Broker, exchange: Exchange? = nil, codec: any MessageCodec = .envelope, source: String,
    middleware: [any Middleware] = [], clock: any BrokerClock = SystemClock()
  ) {
    self.broker = broker
    self.exchange = exchange
    self.codec = codec
    self.source = source
    self.middleware = middleware
    self.clock = clock
  }

  /// The same bus with another exchange, and a codec for it.
  public func on(_ exchange: Exchange, codec: (any MessageCodec)? = nil) -> EventBus {
    var bus = EventBus(
      broker, exchange: exchange, codec: codec ?? self.codec, source: source, middleware: middleware, clock: clock)
    bus.instruments = instruments
    return bus
  }

  /// Publishes an event. When this returns, the event is durable in every queue that wanted it.
  ///
  /// - Parameters:
  ///   - key: the routing key; the event's own without it.
  ///   - headers: further headers.
  /// - Returns: its id, and ``PublishResult/stored``, or ``PublishResult/unroutable`` when no queue wanted it, which for an
  ///   event is no error.
  /// - Throws: ``BrokerError`` when it was not stored, or, with ``BrokerError/Code/unknownOutcome``, perhaps not.
  @discardableResult
  public func publish<E: EventMessage>(
    _ event: E, key: RoutingKey? = nil, headers: Message.Headers = [:]
  ) async throws -> Receipt {
    try await trace.publishing(1, to: exchange?.name.rawValue ?? "") {
      let publication = try publication(of: event, key: key, headers: headers)
      let receipt = try await publish([publication])[0]
      if case .failed(let error) = receipt.result { throw error }
      return receipt
    }
  }

  /// Publishes events, of one type or of many, in one round trip. One receipt for each, in order: some may have failed.
  public func publish(_ events: [any EventMessage]) async throws -> [Receipt] {
    try await trace.publishing(events.count, to: exchange?.name.rawValue ?? "") {
      try await publish(events.map { try publication(of: $0) })
    }
  }

  /// Enqueues a job. When this returns, the job is durable in its queue.
  ///
  /// - Parameters:
  ///   - id: an id of the caller's choosing that keeps repeats out: a job whose id the queue has, or has lately
  ///     completed, is not stored again. Where the engine cannot do that
  ///     (``BrokerCapabilities/keepsRepeatsOut``), the inbox does at the worker's end.
  ///   - delay: not before this much time has passed.
  ///   - time: not before this time.
  ///   - priority: instead of the type's own.
  /// - Returns: its id, and ``PublishResult/stored`` or ``PublishResult/repeated``.
  /// - Throws: ``BrokerError``, with ``BrokerError/Code/unroutable`` when its queue does not exist.
  @discardableResult
  public func enqueue<J: JobMessage>(
    _ job: J, id: String? = nil, after delay: Duration? = nil, at time: Date? = nil, priority: Priority? = nil,
    headers: Message.Headers = [:]
  ) async throws -> Receipt {
    let request = JobRequest(job, id: id, after: delay, at: time, priority: priority, headers: headers)
    let receipt = try await enqueue([request])[0]
    if case .failed(let error) = receipt.result { throw error }
    return receipt
  }

  /// Enqueues jobs, of one type or of many, in one round trip. One receipt for each, in order: some may have failed.
  public func enqueue(_ requests: [JobRequest]) async throws -> [Receipt] {
    try await trace.publishing(requests.count, to: requests.first?.queue.rawValue ?? "") {
      let receipts = try await publish(requests.map { try publication(of: $0) })
      return zip(receipts, requests).map { receipt, request in
        guard case .unroutable = receipt.result else { return receipt }
        return Receipt(
          id: receipt.id,
          result: .failed(
            BrokerError(
              .unroutable,
              "the queue '\(request.queue)' of the job '\(request.name)' does not exist: apply a topology that has it"))
        )
      }
    }
  }

  /// What ``publish(_:key:headers:)`` would hand to the engine, for those who store it first, as an outbox does.
  public func publication<E: EventMessage>(
    of event: E, key: RoutingKey? = nil, headers: Message.Headers = [:]
  ) throws -> Publication {
    guard let exchange else {
      throw BrokerError(
        .invalid, "the event '\(E.name)' has no exchange to go to: give the bus one, EventBus(…, exchange: …)")
    }
    return try publication(
      of: event, codec: codec, to: .exchange(exchange.name, key ?? event.routingKey), headers: headers)
  }

  /// What ``enqueue(_:)`` would hand to the engine, for those who store it first, as an outbox does.
  public func publication(of request: JobRequest) throws -> Publication { try request.publication(self) }

  func publication<J: JobMessage>(of job: J, _ request: JobRequest) throws -> Publication {
    var publication = try publication(
      of: job, codec: J.codec, to: .queue(J.queue.name), id: request.id, headers: request.headers)
    if let priority = request.priority { publication.message.priority = priority }
    if let delay = request.delay, delay > .zero {
      publication.notBefore = clock.now.addingTimeInterval(delay.seconds)
    }
    if let time = request.time { publication.notBefore = max(time, publication.notBefore ?? time) }
    publication.keepsRepeatsOut = request.id != nil
    return publication
  }

  private func publication<M: TypedMessage>(
    of content: M, codec: any MessageCodec, to destination: Publication.Destination, id: String? = nil,
    headers: Message.Headers
  ) throws -> Publication {
    let now = clock.now
    let body: Data
    do {
      body = try codec.encode(content, at: now)
    } catch {
      throw BrokerError(.invalid, "a message '\(M.name)' cannot be encoded: \(error)", underlying: error)
    }
    var message = Message(
      id: id.map { MessageID($0) } ?? .unique(), name: M.name, body: body, headers: headers,
      contentType: codec.contentType, timestamp: now, source: source, priority: M.priority,
      expiresAt: M.timeToLive.map { now.addingTimeInterval($0.seconds) })
    trace.inject(into: &message.headers)
    MessageContext.current?.pass(to: &message)
    var publication = Publication(message, to: destination)
    for step in middleware { try step.publishing(&publication) }
    return publication
  }

  private func publish(_ publications: [Publication]) async throws -> [Receipt] {
    if publications.isEmpty { return [] }
    let results = try await broker.publish(publications)
    return zip(results, publications).map { result, publication in
      count(result, publication)
      return Receipt(id: publication.message.id ?? "", result: result)
    }
  }

  private func count(_ result: PublishResult, _ publication: Publication) {
    instruments.published(
      result, to: publication.destination, name: publication.message.name?.rawValue ?? "other")
  }
}

/// What became of one message that an ``EventBus`` published.
public struct Receipt: Sendable {
  /// The id that the message has from now on, in logs and in every queue.
  public let id: MessageID
  /// What became of it.
  public let result: PublishResult

  /// Whether it is durable in every queue that it was routed to.
  public var isStored: Bool { result.isStored }
}

/// One job of a batch, and when and how it is to be enqueued. The parameters are those of
/// ``EventBus/enqueue(_:id:after:at:priority:headers:)``.
public struct JobRequest: Sendable {
  /// The job's name.
  public let name: MessageName
  /// The job's queue.
  public let queue: QueueName
  let id: String?
  let delay: Duration?
  let time: Date?
  let priority: Priority?
  let headers: Message.Headers
  private let make: @Sendable (EventBus, JobRequest) throws -> Publication

  /// A job to enqueue.
  public init<J: JobMessage>(
    _ job: J, id: String? = nil, after delay: Duration? = nil, at time: Date? = nil, priority: Priority? = nil,
    headers: Message.Headers = [:]
  ) {
    name = J.name
    queue = J.queue.name
    self.id = id
    self.delay = delay
    self.time = time
    self.priority = priority
    self.headers = headers
    make = { bus, request in try bus.publication(of: job, request) }
  }

  func publication(_ bus: EventBus) throws -> Publication { try make(bus, self) }
}
