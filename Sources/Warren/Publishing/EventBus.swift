public import Foundation
public import Logging

/// Where a service publishes events and enqueues jobs.
///
/// ```swift
/// let bus = EventBus(broker, exchange: .topic("tutorgo_events"), source: "bookings", topology: worker.topology)
/// try await bus.publish(BookingCreated(bookingID: id))
/// try await bus.enqueue(SendEmail(to: address), unique: .key("reminder-\(id)"), after: .seconds(86_400))
/// ```
/// With a topology nothing is published before the queues that it is for are there: the first to publish applies it, and the
/// others wait for that. A process that has no worker of its own gives the same topology as the one that has.
///
/// What a handler publishes carries the correlation id and the trace of the message that it handles, and names that
/// message as its cause.
///
/// When the answer to a publish is lost, the bus publishes the message again with the same id: see
/// ``UnknownOutcomePolicy``.
public struct EventBus: Sendable {
  /// The engine.
  public let broker: any Broker
  /// What makes the messages.
  public let composer: MessageComposer
  /// Where events go that name no other exchange.
  public var exchange: Exchange? { composer.exchange }
  private let policy: UnknownOutcomePolicy
  private let gate: TopologyGate?
  private let unrouted: UnroutedKeys
  private let instruments: Instruments
  /// The one that was given.
  let store: (any StateStore)?
  private let keys: UniqueKeys?

  /// A bus. Install a tracer before you make one: it is looked for once.
  ///
  /// - Parameters:
  ///   - exchange: where events go; a bus that only enqueues jobs has none.
  ///   - codec: how events are written to that exchange.
  ///   - source: the name of this service, which its messages carry.
  ///   - topology: what is applied before the first message is published; nothing without it, for a process that only
  ///     publishes to queues which others declare.
  ///   - compression: whether large bodies are packed; a type can have its own.
  ///   - store: where the keys of unique jobs and cancelled jobs are kept when the engine cannot do it, such as RabbitMQ; the engine
  ///     itself without it, where it can. The workers on these jobs need the same.
  ///   - clock: what messages are dated and delayed by; the broker's without it.
  ///   - policy: what the bus does when it cannot know whether a message was stored.
  ///   - logger: where an event that reached no queue is warned of, once a routing key.
  public init(
    _ broker: any Broker, exchange: Exchange? = nil, codec: any MessageCodec = .envelope, source: String,
    topology: Topology? = nil, middleware: [any Middleware] = [], compression: Compression = .none,
    store: (any StateStore)? = nil, clock: (any BrokerClock)? = nil,
    onUnknownOutcome policy: UnknownOutcomePolicy = .standard,
    logger: Logger = Logger(label: "warren.bus")
  ) {
    self.init(
      broker,
      MessageComposer(
        source: source, exchange: exchange, codec: codec, middleware: middleware, compression: compression,
        clock: clock ?? broker.clock),
      topology: topology, store: store, onUnknownOutcome: policy, logger: logger)
  }

  /// A bus whose messages this composer makes.
  public init(
    _ broker: any Broker, _ composer: MessageComposer, topology: Topology? = nil, store: (any StateStore)? = nil,
    onUnknownOutcome policy: UnknownOutcomePolicy = .standard, logger: Logger = Logger(label: "warren.bus")
  ) {
    self.broker = broker
    self.composer = composer
    self.policy = policy
    instruments = Instruments(engine: broker.capabilities.engine)
    gate = topology.map { TopologyGate(broker, $0) }
    unrouted = UnroutedKeys(logger)
    self.store = store
    keys = (store ?? broker as? any StateStore).map {
      UniqueKeys(records: UniqueRecords(store: $0, clock: composer.clock), broker: broker, logger: logger)
    }
  }

  private init(_ other: EventBus, _ composer: MessageComposer) {
    broker = other.broker
    policy = other.policy
    gate = other.gate
    unrouted = other.unrouted
    store = other.store
    keys = other.keys
    instruments = other.instruments
    self.composer = composer
  }

  /// The same bus with another exchange, and a codec for it.
  public func on(_ exchange: Exchange, codec: (any MessageCodec)? = nil) -> EventBus {
    EventBus(self, composer.on(exchange, codec: codec))
  }

  /// Applies the bus's topology now instead of before its first message, so that a service can wait for it before it takes
  /// requests. Does nothing once it is applied.
  ///
  /// - Throws: ``BrokerError``; the next call, or the next message, tries again.
  public func applyTopology() async throws(BrokerError) { try await gate?.pass() }

  /// Publishes an event. When this returns, the event is durable in every queue that wanted it.
  ///
  /// - Parameters:
  ///   - id: an id of the caller's choosing, or the id from an error to publish that event again; a new one without it. It
  ///     promises nothing but identity: a handler, or its inbox, can tell by it that it has seen the event before.
  ///   - key: the routing key; the event's own without it.
  ///   - priority: instead of the type's own.
  ///   - timeToLive: for how long it is worth handling, instead of the type's own.
  ///   - headers: further headers. Names that begin with `warren-` are Warren's own.
  /// - Returns: its id, and ``PublishResult/stored``, or ``PublishResult/unroutable`` when no queue wanted it, which for an
  ///   event is no error.
  /// - Throws: ``BrokerError``, with the id in ``BrokerError/messageIDs``, when it was not stored, or, with
  ///   ``BrokerError/Code/unknownOutcome``, perhaps not.
  @discardableResult
  public func publish<E: EventMessage>(
    _ event: E, id: MessageID? = nil, key: RoutingKey? = nil, priority: Priority? = nil, timeToLive: Duration? = nil,
    headers: Message.Headers = [:]
  ) async throws -> Receipt {
    try await composer.trace.publishing(
      1, to: exchange?.name.rawValue ?? "", (key ?? event.routingKey).rawValue, system: instruments.system
    ) { span in
      let publication = try composer.publication(
        of: event, id: id, key: key, priority: priority, timeToLive: timeToLive, headers: headers)
      span.describe(publication.message)
      return try await store([publication], span)
    }[0].orThrow()
  }

  /// Publishes events, of one type or of many, in one round trip. One receipt for each, in order: some may have failed.
  public func publish(_ events: [any EventMessage]) async throws -> [Receipt] {
    let key = events.count == 1 ? events[0].routingKey.rawValue : nil
    return try await composer.trace.publishing(
      events.count, to: exchange?.name.rawValue ?? "", key, system: instruments.system
    ) { span in
      let publications = try events.map { try composer.publication(of: $0) }
      if publications.count == 1 { span.describe(publications[0].message) }
      return try await store(publications, span)
    }
  }

  /// Enqueues a job. When this returns, the job is durable in its queue.
  ///
  /// - Parameters:
  ///   - id: an id of the caller's choosing, or the id from an error to enqueue that job again; a new one without it. It
  ///     promises nothing but identity; `unique` keeps repeats out.
  ///   - unique: keeps repeats out by a key. Where the engine cannot do that the bus does by its store; without one the job is refused
  ///     with ``BrokerError/Code/unsupported``.
  ///   - delay: not before this much time has passed.
  ///   - time: not before this time; at once when it is past.
  ///   - priority: instead of the type's own.
  ///   - timeToLive: for how long it is worth handling, instead of the type's own.
  /// - Returns: its id, and ``PublishResult/stored`` or ``PublishResult/repeated``.
  /// - Throws: ``BrokerError``, with the id in ``BrokerError/messageIDs``; with the code ``BrokerError/Code/unroutable``
  ///   when its queue does not exist.
  @discardableResult
  public func enqueue<J: JobMessage>(
    _ job: J, id: MessageID? = nil, unique: Uniqueness? = nil, after delay: Duration? = nil, at time: Date? = nil,
    priority: Priority? = nil, timeToLive: Duration? = nil, headers: Message.Headers = [:]
  ) async throws -> Receipt {
    let request = JobRequest(
      job, id: id, unique: unique, after: delay, at: time, priority: priority, timeToLive: timeToLive, headers: headers)
    return try await enqueue([request])[0].orThrow()
  }

  /// Enqueues jobs, of one type or of many, in one round trip. One receipt for each, in order: some may have failed.
  public func enqueue(_ requests: [JobRequest]) async throws -> [Receipt] {
    try await composer.trace.publishing(
      requests.count, to: "", requests.first?.queue.rawValue, system: instruments.system
    ) { span in
      let publications = try requests.map { try composer.publication(of: $0) }
      if publications.count == 1 { span.describe(publications[0].message) }
      return try await store(publications, span)
    }
  }

  /// Publishes messages that were made before, such as those of an outbox or of receipts that failed, as they are: with
  /// their ids, and with the traces in which they were made. One receipt for each, in order: some may have failed.
  ///
  /// - Throws: ``BrokerError`` when nothing at all was stored.
  public func publish(_ publications: [Publication]) async throws -> [Receipt] {
    try await composer.trace.publishing(stored: publications, system: instruments.system) { span in
      try await store(publications, span)
    }
  }

  /// What ``publish(_:id:key:priority:timeToLive:headers:)`` would hand to the engine.
  public func publication<E: EventMessage>(
    of event: E, id: MessageID? = nil, key: RoutingKey? = nil, priority: Priority? = nil, timeToLive: Duration? = nil,
    headers: Message.Headers = [:]
  ) throws -> Publication {
    try composer.publication(
      of: event, id: id, key: key, priority: priority, timeToLive: timeToLive, headers: headers)
  }

  /// What ``enqueue(_:)`` would hand to the engine.
  public func publication(of request: JobRequest) throws -> Publication { try composer.publication(of: request) }

  // MARK: Storing

  private func store(
    _ publications: [Publication], _ span: MessageTrace.NotedSpan
  ) async throws(BrokerError) -> [Receipt] {
    if publications.isEmpty { return [] }
    do { try await gate?.pass() } catch { throw error.about(publications.compactMap(\.message.id)) }
    let results: [PublishResult]
    if let keys, keys.concerns(publications) {
      results = try await keys.publish(publications) { [self] publications throws(BrokerError) in
        try await send(publications)
      }
    } else {
      results = try await send(publications)
    }
    return zip(results, publications).map { result, publication in
      if result == .unroutable, case .exchange(let exchange, let key) = publication.destination {
        unrouted.warn(of: publication.message.name, to: exchange, key)
      }
      instruments.published(
        result, to: publication.destination, name: publication.message.name?.rawValue ?? "other")
      let judged = Self.judged(result, publication)
      if let error = judged.error { span.note(error) }
      return Receipt(id: publication.message.id ?? "", result: judged)
    }
  }

  /// Hands messages to the engine.
  private func send(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    var results: [PublishResult]
    let begin = ContinuousClock.now
    do {
      results = try await broker.publish(publications)
      instruments.took(begin.duration(to: .now), for: .publish, publications[0].destination.place, nil)
    } catch  where error.code == .unknownOutcome {
      instruments.took(begin.duration(to: .now), for: .publish, publications[0].destination.place, error)
      results = publications.map { _ in .failed(error) }
    } catch {
      instruments.took(begin.duration(to: .now), for: .publish, publications[0].destination.place, error)
      for publication in publications {
        instruments.published(
          .failed(error), to: publication.destination, name: publication.message.name?.rawValue ?? "other")
      }
      throw error.about(publications.compactMap(\.message.id))
    }
    if policy.deadline > .zero, results.contains(where: \.isUnknown) { await publishAgain(publications, &results) }
    return results
  }

  /// Publishes what has an unknown outcome again until that is known, or the time is over.
  private func publishAgain(_ publications: [Publication], _ results: inout [PublishResult]) async {
    let clock = composer.clock
    let end = clock.elapsed + policy.deadline.bounded
    var unknown = results.indices.filter { results[$0].isUnknown }
    var number = 0
    while !unknown.isEmpty, clock.elapsed < end {
      let pause = UnknownOutcomePolicy.pause(before: number).seconds * Double.random(in: 0.5...1)
      number += 1
      guard (try? await clock.sleep(for: min(end - clock.elapsed, .clamped(seconds: pause)))) != nil else { return }
      let answers: [PublishResult]
      do {
        answers = try await broker.publish(unknown.map { publications[$0] })
      } catch {
        if error.isRetryable { continue }
        return
      }
      var left: [Int] = []
      for (index, answer) in zip(unknown, answers) {
        guard let error = answer.error else {
          results[index] = answer
          continue
        }
        // Whatever this try failed with, the one before may have been stored: that is still unknown.
        if error.isRetryable { left.append(index) }
      }
      unknown = left
    }
  }

  /// The result for the caller: a job that reached no queue has failed, and an error names its message.
  private static func judged(_ result: PublishResult, _ publication: Publication) -> PublishResult {
    let ids = publication.message.id.map { [$0] } ?? []
    if let error = result.error { return .failed(error.about(ids)) }
    guard result == .unroutable, case .queue(let queue) = publication.destination else { return result }
    return .failed(
      BrokerError(
        .unroutable,
        "the queue '\(queue)' of the job '\(publication.message.name ?? "")' does not exist: "
          + "apply a topology that has it", messageIDs: ids))
  }
}

extension PublishResult {
  fileprivate var isUnknown: Bool { error?.code == .unknownOutcome }
}

extension EventBus: CustomStringConvertible, CustomReflectable {
  /// `bus of 'bookings' to 'tutorgo_events'`: what it holds, such as middleware with keys in it, is not for logs.
  public var description: String {
    "bus of '\(composer.source)'" + (exchange.map { " to '\($0.name)'" } ?? "")
  }
  /// Its source, and its exchange's name.
  public var customMirror: Mirror {
    Mirror(self, children: ["source": composer.source, "exchange": exchange?.name as Any])
  }
}
