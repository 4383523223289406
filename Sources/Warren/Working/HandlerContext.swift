public import Foundation
public import Logging

/// What a handler is told beside the message.
public struct HandlerContext: Sendable {
  /// The message as it came, with its id, headers and body.
  public let message: Message
  /// The queue that it came from.
  public let queue: QueueName
  /// The routing key that it was published with.
  public let routingKey: RoutingKey
  /// What it has been through.
  public let history: History
  /// Whether this is the last try: if it fails, the message becomes a dead letter.
  public let isLastAttempt: Bool
  /// The steps that the handler has begun.
  package let steps = HandlerSteps()
  /// When the handler is cancelled because it takes too long; `nil` when it has no timeout.
  public let deadline: Date?
  private let baseLogger: Logger

  /// A context; the worker makes them, and so may a test of a handler.
  public init(
    message: Message, queue: QueueName, routingKey: RoutingKey? = nil, history: History = History(),
    isLastAttempt: Bool = false, deadline: Date? = nil, logger: Logger = Logger(label: "warren.worker")
  ) {
    self.message = message
    self.queue = queue
    self.routingKey = routingKey ?? RoutingKey(queue.rawValue)
    self.history = history
    self.isLastAttempt = isLastAttempt
    self.deadline = deadline
    baseLogger = logger
  }

  /// The number of this try, from 1. Interruptions do not count.
  public var attempt: Int { history.nextAttempt }

  /// A logger whose lines carry queue, attempt, message id, name and correlation id.
  public var logger: Logger {
    var logger = baseLogger
    for (key, value) in MessageContext(message: message, queue: queue, attempt: attempt).logMetadata {
      logger[metadataKey: key] = value
    }
    return logger
  }
}
