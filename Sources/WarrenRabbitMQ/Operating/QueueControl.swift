internal import AMQP
internal import Foundation
internal import Logging
internal import NIOCore
internal import Warren

/// A paused queue is one for which an exchange of a certain name exists: a marker that outlives every process, that anyone
/// can look for without special rights, and that costs nothing. Changes are announced to the processes that run.
struct QueueControl: Sendable {
  let session: Session
  let consumers: RunningConsumers

  /// Hands out nothing more from this queue, in any process, until ``resume(_:)``.
  func pause(_ queue: QueueName) async throws(BrokerError) {
    try await mustExist(queue)
    let marker = SystemNames.pauseMarker(of: queue)
    try await session.onThrowawayChannel("pausing the queue '\(queue)'") {
      try await $0.declareExchange(marker, type: "fanout")
    }
    await announce("pause", queue)
  }

  /// Undoes ``pause(_:)``.
  func resume(_ queue: QueueName) async throws(BrokerError) {
    try await mustExist(queue)
    let marker = SystemNames.pauseMarker(of: queue)
    try await session.onThrowawayChannel("resuming the queue '\(queue)'") { try await $0.deleteExchange(marker) }
    await announce("resume", queue)
  }

  /// Deletes what waits in this queue and among its suspects. RabbitMQ cannot tell whose the delayed messages are, so those
  /// stay.
  func purge(_ queue: QueueName) async throws(BrokerError) -> Int {
    try await mustExist(queue)
    let suspects = SystemNames.suspects(of: queue)
    let hasSuspects = try await session.info(suspects) != nil
    return try await session.onThrowawayChannel("purging the queue '\(queue)'") { channel in
      var count = try await channel.purgeQueue(queue.rawValue)
      if hasSuspects { count += try await channel.purgeQueue(suspects) }
      return count
    }
  }

  private func mustExist(_ queue: QueueName) async throws(BrokerError) {
    guard try await session.info(queue) != nil else {
      throw BrokerError(.notFound, "there is no queue '\(queue)': check its name")
    }
  }

  /// Tells all processes, this one at once. Whoever misses it looks at the marker when its connection is back.
  private func announce(_ verb: String, _ queue: QueueName) async {
    for consumer in consumers.all(of: queue) {
      await consumer.setPaused(verb == "pause")
    }
    do throws(AMQPError) {
      try await session.copyChannel.publish(
        AMQPMessage(
          exchange: SystemNames.control, routingKey: verb, mandatory: false, properties: AMQPProperties(type: verb),
          body: queue.rawValue))
    } catch {
      session.logger.warning(
        "Other processes were not told; they see it when they reconnect",
        metadata: ["queue": "\(queue)", "change": "\(verb)", "error": "\(error)"])
    }
  }

  /// Listens to what other processes announce, for as long as the connection lives.
  func listen() async {
    while !session.consuming.state.isFinal, !Task.isCancelled {
      do {
        try await session.consuming.withChannel(AMQPChannelOptions(reopens: false)) { channel in
          let queue = "\(SystemNames.control).\(UUID().uuidString)"
          try await channel.declareExchange(SystemNames.control, type: "fanout")
          try await channel.declareQueue(queue, durable: false, exclusive: true, autoDelete: true)
          try await channel.bindQueue(queue, to: SystemNames.control)
          let deliveries = try await channel.consume(queue, prefetch: 100, options: .init(noAck: true))
          // What was announced before this was missed.
          await lookAtMarkers()
          for try await delivery in deliveries {
            let isPaused = delivery.properties.type == "pause"
            for consumer in consumers.all(of: QueueName(String(buffer: delivery.body))) {
              await consumer.setPaused(isPaused)
            }
          }
        }
      } catch {
        if session.consuming.state.isFinal || Task.isCancelled { return }
        session.logger.debug("Listening for announcements was interrupted", metadata: ["error": "\(error)"])
      }
      // The exclusive queue went with the connection.
      try? await Task.sleep(for: .milliseconds(500))
    }
  }

  private func lookAtMarkers() async {
    for consumer in consumers.all {
      guard let isPaused = try? await session.hasExchange(SystemNames.pauseMarker(of: consumer.queue)) else { continue }
      await consumer.setPaused(isPaused)
    }
  }
}
