/// How a worker works on one queue: what several handlers of that queue say together.
struct QueuePlan: Sendable {
  let queue: QueueName
  let topology: Topology
  private(set) var settings: QueueSettings
  private(set) var breaker: BreakerPlan?
  /// Asked in this order for the name of a message that does not carry one.
  private(set) var codecs: [any MessageCodec]
  /// What becomes of a message that no handler takes; `nil` on a queue of jobs, where each must have its handler.
  let unhandled: Subscription.Unhandled?
  private(set) var handlers: [MessageName: Handler] = [:]
  private(set) var fallback: Handler?

  init(
    queue: QueueName, topology: Topology, settings: QueueSettings, breaker: BreakerPlan? = nil,
    codecs: [any MessageCodec], unhandled: Subscription.Unhandled?, handlers: [Handler]
  ) throws(BrokerError) {
    self.queue = queue
    self.topology = topology
    self.settings = settings
    self.breaker = breaker
    self.codecs = codecs
    self.unhandled = unhandled
    try settings.validate(queue)
    for handler in handlers { try add(handler) }
    if self.handlers.isEmpty && fallback == nil {
      throw BrokerError(.invalid, "the subscription '\(queue)' has no handler: add On(…) or OnAny")
    }
  }

  /// Puts together the plans of all components; those of jobs may share a queue.
  static func merge(_ plans: [QueuePlan]) throws(BrokerError) -> [QueuePlan] {
    var merged: [QueuePlan] = []
    for plan in plans {
      guard let index = merged.firstIndex(where: { $0.queue == plan.queue }) else {
        merged.append(plan)
        continue
      }
      guard plan.unhandled == nil, merged[index].unhandled == nil else {
        throw BrokerError(
          .invalid, "the queue '\(plan.queue)' stands twice in this worker: put its handlers into one subscription")
      }
      merged[index].settings = try merged[index].settings.merging(plan.settings, queue: plan.queue)
      try merged[index].settings.validate(plan.queue)
      if plan.breaker != nil, merged[index].breaker != nil {
        throw BrokerError(
          .invalid,
          "two handlers of '\(plan.queue)' have a breaker: one for the queue is possible, and counts all of them")
      }
      merged[index].breaker = merged[index].breaker ?? plan.breaker
      merged[index].codecs += plan.codecs
      for handler in plan.handlers.values { try merged[index].add(handler) }
    }
    return merged
  }

  private mutating func add(_ handler: Handler) throws(BrokerError) {
    func what() -> String { handler.name.map { "'\($0)' in '\(queue)'" } ?? "OnAny in '\(queue)'" }
    if let timeout = handler.timeout, timeout <= .zero {
      throw BrokerError(
        .invalid,
        "the timeout of \(what()) is \(timeout.words): give a time above zero, or none for a handler without limit")
    }
    try handler.retry.validate(what())
    guard let name = handler.name else {
      if fallback != nil { throw BrokerError(.invalid, "the subscription '\(queue)' has two OnAny: one is possible") }
      fallback = handler
      return
    }
    try name.validate(as: "name of a message that '\(queue)' has a handler for")
    if handlers[name] != nil {
      throw BrokerError(
        .invalid, "the queue '\(queue)' has two handlers for '\(name)': several effects are several queues")
    }
    handlers[name] = handler
  }

  /// The longest timeout among its handlers; those without one are not bounded, and so not among them.
  var longestTimeout: Duration? {
    (Array(handlers.values) + (fallback.map { [$0] } ?? [])).compactMap(\.timeout).max()
  }

  /// The name of a message: its property `type`, else what its body says, else its routing key.
  func name(of delivery: Delivery) -> MessageName {
    if let name = delivery.message.name, !name.rawValue.isEmpty { return name }
    let named = codecs.lazy.compactMap { $0.name(in: delivery.message) }.first { !$0.rawValue.isEmpty }
    let key = MessageName(delivery.routingKey.rawValue)
    guard let named, handlers[named] == nil else { return named ?? key }
    // A field `type` may be the domain's own. Where neither has a handler, an event is called by its key, unless the body is an
    // envelope, and a job, whose key is its queue, by its body.
    if handlers[key] != nil { return key }
    return delivery.exchange == nil || BodyHead(delivery.message.body)?.isEnvelope == true ? named : key
  }

  /// The id that the body of a message gives it.
  func id(of delivery: Delivery) -> MessageID? {
    for codec in codecs { if let id = codec.id(in: delivery.message) { return id } }
    return nil
  }
}

/// What a ``Worker`` is made of: subscriptions, and handlers of jobs.
public struct WorkerComponent: Sendable {
  let plan: @Sendable () throws(BrokerError) -> QueuePlan
}

/// Gathers what a ``Worker`` is made of.
@resultBuilder public enum WorkerBuilder {
  /// A subscription to events.
  public static func buildExpression(_ subscription: Subscription) -> [WorkerComponent] {
    [WorkerComponent { () throws(BrokerError) in try subscription.plan() }]
  }
  /// A handler of a type of job.
  public static func buildExpression<J: JobMessage>(_ on: On<J>) -> [WorkerComponent] {
    [
      WorkerComponent { () throws(BrokerError) in
        try QueuePlan(
          queue: J.queue.name, topology: Topology(jobs: [J.self]), settings: on.settings, breaker: on.breaker,
          codecs: [J.codec], unhandled: nil,
          handlers: [on.handler(codec: J.codec, retry: J.retry, timeout: on.settings.timeout)])
      }
    ]
  }
  /// What a function with the attribute `@WorkerBuilder` has gathered.
  public static func buildExpression(_ components: [WorkerComponent]) -> [WorkerComponent] { components }
  /// All of them.
  public static func buildBlock(_ items: [WorkerComponent]...) -> [WorkerComponent] { items.flatMap { $0 } }
  /// Those of an `if` without `else`.
  public static func buildOptional(_ items: [WorkerComponent]?) -> [WorkerComponent] { items ?? [] }
  /// Those of an `if`.
  public static func buildEither(first items: [WorkerComponent]) -> [WorkerComponent] { items }
  /// Those of an `else`.
  public static func buildEither(second items: [WorkerComponent]) -> [WorkerComponent] { items }
  /// Those of a loop.
  public static func buildArray(_ items: [[WorkerComponent]]) -> [WorkerComponent] { items.flatMap { $0 } }
}
