public import Foundation
public import Warren

/// A message in a queue as it is shown, its secrets hidden.
public struct QueuedMessageView: Sendable, Equatable, Codable {
  /// The message's id; missing on a foreign message that came without one.
  public var id: MessageID?
  /// What the message is.
  public var name: MessageName?
  /// The queue that it is in.
  public var queue: QueueName
  /// What it is doing there.
  public var state: QueuedMessage.State
  /// When it was published.
  public var published: Date?
  /// When its time comes; only of one that is delayed.
  public var due: Date?
  /// When a worker received it; only of one that runs.
  public var since: Date?
  /// The worker that holds it; only of one that runs.
  public var worker: String?
  /// How often a handler failed on it.
  public var attempts: Int
  /// How often the worker that held it died.
  public var interruptions: Int
  /// How often a person has sent it back to work.
  public var replays: Int
  /// The last failures, the oldest first.
  public var failures: [Failure]
  /// The exchange that brought it; missing when it was put there directly.
  public var exchange: ExchangeName?
  /// The routing key that it was published with.
  public var routingKey: RoutingKey
  /// Which message goes first, 0 to 9.
  public var priority: Priority
  /// When it stops being worth handling.
  public var expiresAt: Date?
  /// Who published it.
  public var source: String?
  /// The id of its chain of messages.
  public var correlationID: String?
  /// Its headers.
  public var headers: Message.Headers
  /// Its body; `nil` when it was not read.
  public var body: BodyView?

  /// A message as it may be shown.
  public init(_ queued: QueuedMessage, mask: Mask = .standard, includesBody: Bool) {
    let message = queued.message
    id = message.id
    name = message.name
    queue = queued.queue
    state = queued.state
    published = message.timestamp
    due = queued.due
    since = queued.since
    worker = queued.worker
    attempts = queued.history.attempts
    interruptions = queued.history.interruptions
    replays = queued.history.replays
    failures = mask.failures(queued.history.failures)
    exchange = queued.exchange
    routingKey = queued.routingKey
    priority = message.priority
    expiresAt = message.expiresAt
    source = message.source
    correlationID = message.correlationID
    headers = mask.headers(message.headers)
    body = includesBody ? BodyView(message, mask: mask) : nil
  }
}

extension Operations {
  /// The messages of a queue: first those that run, then those that wait in the order in which they will be handed out, then
  /// those that are delayed; whether there are more than the limit, and how far it was looked when that was not to the end.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` on an engine that cannot show messages without taking them.
  public func messages(
    _ selection: QueuedMessageSelection
  ) async throws(BrokerError) -> (messages: [QueuedMessageView], hasMore: Bool, looked: Int?) {
    let page = try await listing.messages(selection)
    let views = page.messages.map { QueuedMessageView($0, mask: mask, includesBody: selection.includesBodies) }
    return (views, page.hasMore, page.looked)
  }

  /// The messages with this id: more than one when an event went to several queues.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when there is none; ``Warren/BrokerError/Code/unsupported`` as
  ///   ``messages(_:)``.
  public func messages(_ id: MessageID, in queue: QueueName? = nil) async throws(BrokerError) -> [QueuedMessageView] {
    let selection = QueuedMessageSelection(queue: queue, id: id, limit: 100, includesBodies: true)
    let found = try await messages(selection).messages
    if found.isEmpty {
      let place = queue.map { " in '\($0)'" } ?? " in any queue"
      throw BrokerError(.notFound, "there is no message '\(id)'\(place): it may have been completed")
    }
    return found
  }
}
