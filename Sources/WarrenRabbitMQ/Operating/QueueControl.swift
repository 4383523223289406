internal import AMQP
internal import Foundation
internal import Logging
internal import NIOCore
internal import Warren

/// A paused queue is one for which an exchange of a certain name exists: a marker that outlives every process, that any client
/// can look for without special rights, and that costs nothing. Changes are announced to the processes that run.
struct QueueControl: Sendable {
  let session: Session
  let known: KnownTopology
  let consumers: RunningConsumers

  /// Hands out nothing more from this queue, in any process, until ``resume(_:)``.
  func pause(_ queue: QueueName) async throws(BrokerError) {
    try await mustExist(queue)
    let marker = SystemNames.pauseMarker(of: queue)
    try await session.onThrowawayChannel("pausing the queue '\(queue)'") {
      try await $0.declareExchange(marker, type: "fanout")
    }
    known.note(pause: true, of: queue)
    await announce(queue)
  }

  /// Undoes ``pause(_:)``, also for a queue that was deleted meanwhile.
  func resume(_ queue: QueueName) async throws(BrokerError) {
    let marker = SystemNames.pauseMarker(of: queue)
    if try await session.info(queue) == nil {
      guard try await session.hasExchange(marker) else { return try await mustExist(queue) }
    }
    try await session.onThrowawayChannel("resuming the queue '\(queue)'") { try await $0.deleteExchange(marker) }
    known.note(pause: false, of: queue)
    await announce(queue)
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

  /// Tells all processes to look at the marker, this one at once. Those that miss it look when their connection is back.
  ///
  /// Not what it was set to: of a pause and a resume that cross, the announcements may come in either order, and the marker
  /// says what holds.
  private func announce(_ queue: QueueName) async {
    await lookAtMarkers(of: consumers.all(of: queue))
    do throws(AMQPError) {
      try await session.copyChannel.publish(
        AMQPMessage(
          exchange: SystemNames.control, routingKey: "look", mandatory: false,
          properties: AMQPProperties(headers: ["version": .int64(1)], type: "look"), body: queue.rawValue))
    } catch {
      session.logger.warning(
        "Other processes were not told; they see it when they reconnect",
        metadata: ["queue": "\(queue)", "error": "\(error)"])
    }
  }

  /// Listens to what other processes announce, for as long as the connection lives. A process that consumes nothing has no need
  /// to, and perhaps no right.
  func listen() async {
    var pause = Duration.milliseconds(500)
    while !session.consuming.state.isFinal, !Task.isCancelled {
      await consumers.waitForAny()
      do {
        try await session.consuming.withChannel(AMQPChannelOptions(reopens: false)) { channel in
          let queue = "\(SystemNames.control).\(UUID().uuidString)"
          try await channel.declareExchange(SystemNames.control, type: "fanout")
          try await channel.declareQueue(queue, durable: false, exclusive: true, autoDelete: true)
          try await channel.bindQueue(queue, to: SystemNames.control)
          let deliveries = try await channel.consume(queue, prefetch: 100, options: .init(noAck: true))
          // What was announced before this was missed.
          await lookAtMarkers(of: consumers.all)
          for try await delivery in deliveries {
            await lookAtMarkers(of: consumers.all(of: QueueName(String(buffer: delivery.body))))
          }
        }
        pause = .milliseconds(500)
      } catch {
        if session.consuming.state.isFinal || Task.isCancelled { return }
        let isForbidden = (error as? AMQPError)?.replyCode == 403
        session.logger.log(
          level: isForbidden && pause < .seconds(1) ? .warning : .debug,
          "Listening for announcements was interrupted, so a pause or resume is seen late",
          metadata: ["error": "\(error)"])
        // A right that is missing is not given within a second, and each try is an error in the broker's log.
        if isForbidden { pause = min(pause * 4, .seconds(60)) }
      }
      // The exclusive queue went with the connection.
      try? await Task.sleep(for: pause)
    }
  }

  /// Pauses consumers, or lets them go on, as their markers say.
  private func lookAtMarkers(of consumers: [RunningConsumer]) async {
    for consumer in consumers {
      guard let isPaused = try? await session.hasExchange(SystemNames.pauseMarker(of: consumer.queue)) else { continue }
      known.note(pause: isPaused, of: consumer.queue)
      await consumer.setPaused(isPaused)
    }
  }

  /// Lets a new consumer begin as its marker says, once that can be looked at.
  func lookAtMarker(for consumer: RunningConsumer) async {
    while !Task.isCancelled, !session.consuming.state.isFinal {
      if let isPaused = try? await session.hasExchange(SystemNames.pauseMarker(of: consumer.queue)) {
        if isPaused {
          session.logger.notice(
            "The queue is paused: nothing is handed out until it is resumed", metadata: ["queue": "\(consumer.queue)"])
        }
        return await consumer.setPaused(isPaused)
      }
      try? await Task.sleep(for: .milliseconds(500))
    }
  }
}
