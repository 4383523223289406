internal import Foundation
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
  let baseLogger: Logger

  /// The number of this try, from 1. Interruptions do not count.
  public var attempt: Int { history.attempts + 1 }

  /// A logger whose lines carry queue, attempt, message id, name and correlation id.
  public var logger: Logger {
    var logger = baseLogger
    for (key, value) in MessageContext(message: message, queue: queue, attempt: attempt).logMetadata {
      logger[metadataKey: key] = value
    }
    return logger
  }
}
