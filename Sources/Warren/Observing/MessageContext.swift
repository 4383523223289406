public import Logging

/// The message that the current task handles; what it publishes is caused by it.
public struct MessageContext: Sendable {
  /// That message.
  public let message: Message
  /// The queue that it came from.
  public let queue: QueueName
  /// The number of the attempt, from 1.
  public let attempt: Int

  /// That of this message.
  package init(message: Message, queue: QueueName, attempt: Int) {
    self.message = message
    self.queue = queue
    self.attempt = attempt
  }

  /// The message that the current task handles, if it handles one. Child tasks inherit it.
  @TaskLocal public static var current: MessageContext?

  /// The id that the whole chain of messages shares: that of its first message.
  public var correlationID: String? { message.correlationID ?? message.id?.rawValue }

  /// What to log beside a line about this message.
  public var logMetadata: Logger.Metadata {
    var metadata: Logger.Metadata = ["queue": "\(queue)", "attempt": "\(attempt)"]
    if let id = message.id { metadata["message.id"] = "\(id)" }
    if let name = message.name { metadata["message.name"] = "\(name)" }
    if let correlationID { metadata["correlation.id"] = "\(correlationID)" }
    return metadata
  }

  /// Carries correlation, causation and trace over to a message that is published while this one is handled.
  func pass(to message: inout Message) {
    message.correlationID = message.correlationID ?? correlationID
    message.causationID = message.causationID ?? self.message.id?.rawValue
    // Without a tracer the trace is passed on as it came; what a tracer has written is whole.
    if message.headers["traceparent"] != nil { return }
    for header in ["traceparent", "tracestate", "baggage"] where message.headers[header] == nil {
      message.headers[header] = self.message.headers[header]
    }
  }
}

extension Logger.MetadataProvider {
  /// Adds queue, attempt, message id, name and correlation id to every line that is logged while a message is handled.
  ///
  /// ```swift
  /// LoggingSystem.bootstrap(StreamLogHandler.standardOutput, metadataProvider: .warren)
  /// ```
  public static var warren: Logger.MetadataProvider {
    Logger.MetadataProvider { MessageContext.current?.logMetadata ?? [:] }
  }
}
