internal import AMQP
internal import Foundation
internal import Logging
internal import NIOCore
internal import Warren

/// What the processes of a broker tell and ask each other: an exchange sends it to all that consume.
struct ControlChannel: Sendable {
  let session: Session

  /// Tells all processes that consume.
  func tell(_ message: ControlMessage) async throws(BrokerError) {
    try await session.onThrowawayChannel("telling other processes") { try await Self.declareExchange($0) }
    try await asBrokerError("telling other processes") {
      try await session.copyChannel.publish(Self.envelope(message))
    }
  }

  /// Asks all processes that consume. Waits until there are enough answers, for `limit` at most: how many there will be cannot be
  /// known.
  func ask(
    _ message: ControlMessage, for limit: Duration = .seconds(2),
    until isEnough: @escaping @Sendable ([ControlAnswer]) -> Bool
  ) async throws(BrokerError) -> [ControlAnswer] {
    try await asBrokerError("asking other processes") {
      // A connection that publishes is not read while the broker is short of memory, so it is not the one that consumes.
      try await session.publishing.withChannel(AMQPChannelOptions(reopens: false)) { channel in
        try await Self.declareExchange(channel)
        // RabbitMQ's own way for answers: no queue is made.
        let deliveries = try await channel.consume(Self.answers, options: .init(noAck: true))
        try await channel.publish(Self.envelope(message, answerTo: Self.answers))
        let answers = Watched<[ControlAnswer]>([])
        await withTaskGroup(of: Void.self) { group in
          group.addTask {
            do {
              for try await delivery in deliveries {
                guard let answer = ControlAnswer(json: Data(delivery.body.readableBytesView)) else { continue }
                if answers.withValue({
                  $0.append(answer); return isEnough($0)
                }) {
                  return
                }
              }
            } catch {}
          }
          group.addTask { try? await Task.sleep(for: limit) }
          await group.next()
          group.cancelAll()
        }
        return answers.value
      }
    }
  }
  private static let answers = "amq.rabbitmq.reply-to"

  /// Listens for as long as the connection lives, once `isNeeded` has returned: a process that consumes nothing has no need to, and
  /// perhaps no right. `began` is called when it listens, as what was told before was missed.
  func listen(
    whenNeeded isNeeded: () async -> Void, began: () async -> Void,
    _ handle: (ControlMessage) async -> ControlAnswer?
  ) async {
    var pause = Duration.milliseconds(500)
    while !session.consuming.state.isFinal, !Task.isCancelled {
      await isNeeded()
      do {
        try await session.consuming.withChannel(AMQPChannelOptions(reopens: false)) { channel in
          let queue = "\(SystemNames.control).\(UUID().uuidString)"
          try await Self.declareExchange(channel)
          try await channel.declareQueue(queue, durable: false, exclusive: true, autoDelete: true)
          try await channel.bindQueue(queue, to: SystemNames.control)
          let deliveries = try await channel.consume(queue, prefetch: 100, options: .init(noAck: true))
          await began()
          for try await delivery in deliveries {
            guard let message = ControlMessage(json: Data(delivery.body.readableBytesView)),
              let answer = await handle(message), let asker = delivery.properties.replyTo
            else { continue }
            // The asker may be gone: then the answer is for no process.
            _ = try? await session.copyChannel.publish(
              AMQPMessage(routingKey: asker, mandatory: false, body: ByteBuffer(bytes: answer.json)))
          }
        }
        pause = .milliseconds(500)
      } catch {
        if session.consuming.state.isFinal || Task.isCancelled { return }
        let isForbidden = (error as? AMQPError)?.replyCode == 403
        session.logger.log(
          level: isForbidden && pause < .seconds(1) ? .warning : .debug,
          "Listening to other processes was interrupted, so a pause or resume is seen late",
          metadata: ["error": "\(error)"])
        // A right that is missing is not given within a second, and each try is an error in the broker's log.
        if isForbidden { pause = min(pause * 4, .seconds(60)) }
      }
      // The exclusive queue went with the connection.
      try? await Task.sleep(for: pause)
    }
  }

  private static func declareExchange(_ channel: AMQPChannel) async throws(AMQPError) {
    try await channel.declareExchange(SystemNames.control, type: "fanout")
  }

  private static func envelope(_ message: ControlMessage, answerTo asker: String? = nil) -> AMQPMessage {
    AMQPMessage(
      exchange: SystemNames.control, routingKey: message.kind.rawValue, mandatory: false,
      properties: AMQPProperties(contentType: "application/json", replyTo: asker, type: message.kind.rawValue),
      body: ByteBuffer(bytes: message.json))
  }
}
