/// A queue that receives events from an exchange, and the handlers for them.
///
/// ```swift
/// Subscription("notification.booking", on: "tutorgo_events", to: "booking.*") {
///   On(BookingCreated.self) { event, context in try await notify(event) }
///   OnAny { message, context in context.logger.info("\(message.name ?? "?")") }
/// }
/// .retry(.exponential(from: .seconds(2), retries: 3))
/// .prefetch(5)
/// .deadLetter(.exchange("tutorgo_dlx", key: "notification.booking.dead"))
/// ```
public struct Subscription: QueueConfigurable {
  /// What becomes of an event that the bindings let in and no handler takes.
  public enum Unhandled: Sendable {
    /// It becomes a dead letter, so that it is not lost.
    case park
    /// It is completed, and counted.
    case ignore
  }
  /// A handler inside a subscription: ``On`` for a type of event, or ``OnAny``.
  public struct Item: Sendable {
    let make: @Sendable (any MessageCodec, RetryPolicy, Duration?) -> Handler
    /// A setting of a queue that was given to a handler.
    var misplaced: String?
  }
  /// Gathers the handlers of a subscription.
  @resultBuilder public enum Builder {
    /// A handler for a type of event.
    public static func buildExpression<E: EventMessage>(_ on: On<E>) -> [Item] {
      [
        Item(
          make: { codec, retry, timeout in
            on.handler(codec: codec, retry: retry, timeout: on.settings.timeout ?? timeout)
          },
          misplaced: on.queueSetting)
      ]
    }
    /// A handler for what no other takes.
    public static func buildExpression(_ any: OnAny) -> [Item] {
      [
        Item(
          make: { _, retry, timeout in
            Handler(name: nil, retry: retry, timeout: timeout) { message in { try await any.handle(message, $0) } }
          })
      ]
    }
    /// What a function with the attribute `@Subscription.Builder` has gathered.
    public static func buildExpression(_ items: [Item]) -> [Item] { items }
    /// All of them.
    public static func buildBlock(_ items: [Item]...) -> [Item] { items.flatMap { $0 } }
    /// Those of an `if` without `else`.
    public static func buildOptional(_ items: [Item]?) -> [Item] { items ?? [] }
    /// Those of an `if`.
    public static func buildEither(first items: [Item]) -> [Item] { items }
    /// Those of an `else`.
    public static func buildEither(second items: [Item]) -> [Item] { items }
    /// Those of a loop.
    public static func buildArray(_ items: [[Item]]) -> [Item] { items.flatMap { $0 } }
  }

  private var queue: Queue
  private let exchange: Exchange?
  private let patterns: [RoutingKey]
  private let items: [Item]
  private var codec: any MessageCodec = .envelope
  private var retry: RetryPolicy = .standard
  private var unhandled = Unhandled.park
  private var settings = QueueSettings()
  private var breaker: BreakerPlan?

  /// Receives in `queue` what `exchange` gets under one of the patterns; from a fanout exchange, everything.
  public init(
    _ queue: Queue, on exchange: Exchange, to patterns: RoutingKey..., @Builder handlers: () -> [Item]
  ) {
    self.init(queue, on: exchange, to: patterns, handlers: handlers)
  }

  /// Receives in `queue` what `exchange` gets under one of the patterns; without any, everything.
  public init(_ queue: Queue, on exchange: Exchange, to patterns: [RoutingKey], @Builder handlers: () -> [Item]) {
    self.queue = queue
    self.exchange = exchange
    self.patterns = patterns.isEmpty ? ["#"] : patterns
    items = handlers()
  }

  /// Works on a queue that nothing of ours binds to an exchange, such as one that another system fills.
  public init(_ queue: Queue, @Builder handlers: () -> [Item]) {
    self.queue = queue
    exchange = nil
    patterns = []
    items = handlers()
  }

  /// When a failed event is tried again; by default ``RetryPolicy/standard``.
  public func retry(_ policy: RetryPolicy) -> Self { changing { $0.retry = policy } }
  /// How the events of this queue are written; by default by ``EnvelopeCodec``.
  public func codec(_ codec: any MessageCodec) -> Self { changing { $0.codec = codec } }
  /// Where the events go that give up; by default to the queue `NAME.dlq`.
  public func deadLetter(_ target: DeadLetterTarget) -> Self { changing { $0.queue.deadLetter = target } }
  /// What becomes of an event that no handler takes; by default ``Unhandled/park``.
  public func unhandled(_ unhandled: Unhandled) -> Self { changing { $0.unhandled = unhandled } }
  /// See ``QueueConfigurable``.
  public func with(concurrency: Int?, prefetch: Int?, timeout: Duration?) -> Self {
    changing { $0.settings.set(concurrency: concurrency, prefetch: prefetch, timeout: timeout) }
  }

  func with(_ breaker: BreakerPlan) -> Self { changing { $0.breaker = breaker } }

  private func changing(_ change: (inout Self) -> Void) -> Self {
    var copy = self
    change(&copy)
    return copy
  }

  func plan() throws(BrokerError) -> QueuePlan {
    if let misplaced = items.compactMap(\.misplaced).first {
      throw BrokerError(
        .invalid,
        "a handler inside the subscription '\(queue.name)' has a \(misplaced): its handlers share one queue, so write it behind "
          + "the subscription, Subscription(…) { … }.\(misplaced)(…)")
    }
    var bindings: [Binding] = []
    if let exchange, !queue.isAdopted {
      bindings = patterns.map { Binding(queue.name, to: exchange.name, key: $0) }
    }
    let topology = try Topology(
      exchanges: exchange.map { [$0] } ?? [], queues: [queue], bindings: bindings)
    let handlers = items.map { $0.make(codec, retry, settings.timeout) }
    try checkPatterns(handlers)
    return try QueuePlan(
      queue: queue.name, topology: topology, settings: settings, breaker: breaker, codecs: [codec],
      unhandled: unhandled, handlers: handlers)
  }

  /// Refuses a pattern that lets in nothing that a handler is for, and a handler whose events no pattern lets in: both are
  /// mostly slips, and would be found by their silence only.
  private func checkPatterns(_ handlers: [Handler]) throws(BrokerError) {
    guard let exchange, exchange.kind != .fanout else { return }
    let admitted = handlers.compactMap(\.routingPattern)
    let isTopic = exchange.kind == .topic
    for pattern in patterns { try checkWildcards(pattern, exchange) }
    func meets(_ pattern: RoutingKey, _ key: RoutingKey) -> Bool {
      isTopic ? RoutingPattern(pattern).overlaps(RoutingPattern(key)) : pattern == key
    }
    for handler in handlers {
      guard let name = handler.name, let key = handler.routingPattern, !patterns.contains(where: { meets($0, key) })
      else { continue }
      throw BrokerError(
        .invalid,
        "the subscription '\(queue.name)' would never get '\(name)': its events have the routing key '\(key)', and it asks for "
          + "\(patterns.map { "'\($0)'" }.joined(separator: ", ")). Correct the pattern; if they are published with another "
          + "key, say so in the type: static let routingPattern: RoutingKey = …")
    }
    if case .ignore = unhandled { return }
    if handlers.contains(where: { $0.name == nil }) { return }
    for pattern in patterns where !admitted.contains(where: { meets(pattern, $0) }) {
      throw BrokerError(
        .invalid,
        "the subscription '\(queue.name)' asks for '\(pattern)' and has no handler for what that lets in: add On(…) or OnAny, "
          + "correct the pattern, or let such events pass with .unhandled(.ignore)")
    }
  }

  /// Refuses what looks like a wildcard and is none: it would match itself alone.
  private func checkWildcards(_ pattern: RoutingKey, _ exchange: Exchange) throws(BrokerError) {
    let words = pattern.rawValue.split(separator: ".", omittingEmptySubsequences: false)
    switch exchange.kind {
    case .topic:
      guard let word = words.first(where: { $0.count > 1 && $0.contains { "*#".contains($0) } }) else { return }
      throw BrokerError(
        .invalid,
        "the subscription '\(queue.name)' asks for '\(pattern)', in which '\(word)' is no wildcard: * stands for one whole word "
          + "between dots and # for any number of them, as in order.* and order.#")
    case .direct where words.contains { ["*", "#"].contains($0) }:
      throw BrokerError(
        .invalid,
        "the subscription '\(queue.name)' asks for '\(pattern)' and would never get that: '\(exchange.name)' is a direct exchange, "
          + "which routes by the exact key. Name each key, or take a topic exchange")
    default: return
    }
  }
}
