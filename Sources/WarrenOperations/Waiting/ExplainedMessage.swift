public import Warren

/// A message in a queue, with why it is not being handled.
public struct ExplainedMessage: Sendable, Encodable {
  /// The message.
  public var message: QueuedMessageView
  /// The reasons, first those that stand before all others; empty when nothing is known to be in the way, and for one that runs.
  public var hindrances: [Hindrance]

  private enum CodingKeys: String, CodingKey { case hindrances }

  /// The members of the message, with `hindrances` beside them.
  public func encode(to encoder: any Encoder) throws {
    try message.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(hindrances, forKey: .hindrances)
  }
}

extension Operations {
  /// Messages with why they are not being handled. Each queue is asked about once.
  public func explained(_ messages: [QueuedMessageView]) async throws(BrokerError) -> [ExplainedMessage] {
    var queues: [QueueName: QueueStatus] = [:]
    var explained: [ExplainedMessage] = []
    for message in messages {
      if message.state == .running {
        explained.append(ExplainedMessage(message: message, hindrances: []))
        continue
      }
      let queue: QueueStatus
      if let known = queues[message.queue] { queue = known } else { queue = try await self.queue(message.queue) }
      queues[message.queue] = queue
      let waiting = WaitingMessage(
        name: message.name, due: message.due, expiresAt: message.expiresAt, interruptions: message.interruptions)
      explained.append(
        ExplainedMessage(message: message, hindrances: try await hindrances(queue, message: waiting)))
    }
    return explained
  }
}
