internal import AMQP
internal import Foundation
internal import Logging
internal import Warren

/// A paused queue is one for which an exchange of a certain name exists: a marker that outlives every process, that any client
/// can look for without special rights, and that costs nothing. Changes are announced to the processes that run.
struct QueueControl: Sendable {
  let session: Session
  let known: KnownTopology
  let consumers: RunningConsumers
  let channel: ControlChannel

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
    let kind = await session.management.queue(queue.rawValue)?.kind
    if kind == "stream" { throw Self.isStream(queue) }
    let suspects = SystemNames.suspects(of: queue)
    let hasSuspects = try await session.info(suspects) != nil
    let purge: @Sendable (AMQPChannel) async throws -> Int = { channel in
      var count = try await channel.purgeQueue(queue.rawValue)
      if hasSuspects { count += try await channel.purgeQueue(suspects) }
      return count
    }
    let doing = "purging the queue '\(queue)'"
    if kind != nil { return try await session.onThrowawayChannel(doing, purge) }
    // It may be a stream, and RabbitMQ answers the purge of one by closing the connection.
    do { return try await session.onThrowawayConnection(doing, purge) } catch {
      throw (error.underlying as? AMQPError)?.isAboutStream == true ? Self.isStream(queue) : error
    }
  }

  private static func isStream(_ queue: QueueName) -> BrokerError {
    BrokerError(
      .unsupported,
      "'\(queue)' is a stream: RabbitMQ empties none. Its retention (max-age, max-length-bytes) decides what goes, or delete it"
    )
  }

  /// Cancels the handler of a message, in this process or in the one that has it. Returns how many handlers there were.
  func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int {
    try await mustExist(queue)
    let own = cancelHandlers(of: id, in: queue)
    if own > 0 { return own }
    return try await channel.ask(ControlMessage(.cancel, queue: queue, message: id)) { answers in
      answers.contains { $0.cancelled ?? 0 > 0 }
    }.reduce(0) { $0 + ($1.cancelled ?? 0) }
  }

  /// Cancels what this process handles.
  func cancelHandlers(of id: MessageID, in queue: QueueName) -> Int {
    consumers.all(of: queue).reduce(0) { $0 + $1.consumer.cancelHandlers(of: id) }
  }

  private func mustExist(_ queue: QueueName) async throws(BrokerError) {
    guard try await session.info(queue) != nil else {
      throw BrokerError.missing(queue)
    }
  }

  /// Tells all processes to look at the marker, this one at once. Those that miss it look when their connection is back.
  ///
  /// Not what it was set to: of a pause and a resume that cross, the announcements may come in either order, and the marker
  /// says what holds.
  private func announce(_ queue: QueueName) async {
    await lookAtMarkers(of: consumers.all(of: queue))
    do throws(BrokerError) { try await channel.tell(ControlMessage(.look, queue: queue)) } catch {
      session.logger.warning(
        "Other processes were not told; they see it when they reconnect",
        metadata: ["queue": "\(queue)", "error": "\(error)"])
    }
  }

  /// Pauses consumers, or lets them go on, as their markers say.
  func lookAtMarkers(of consumers: [RunningConsumer]) async {
    for consumer in consumers {
      guard let isPaused = try? await session.hasExchange(SystemNames.pauseMarker(of: consumer.queue)) else { continue }
      known.note(pause: isPaused, of: consumer.queue)
      await consumer.setPaused(isPaused)
    }
  }

  /// Lets a new consumer begin as its marker says, once that can be looked at. What keeps a look from being done, such as a right or
  /// a node that is away, ends without a word from the broker, so it is tried again after a pause.
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
