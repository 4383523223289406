internal import AMQP
internal import Foundation
internal import Logging
internal import Synchronization
internal import Warren

/// Takes deliveries away from handlers that hold them for too long, shortly before RabbitMQ would by its `consumer_timeout`.
///
/// RabbitMQ takes back all that the channel holds, what its other handlers work on as well; and from 4.3 on it counts nothing, so a
/// message that hangs its handlers would hang one after the other, in all workers.
final class LeaseWatch: Sendable {
  private let session: Session
  private let consumers: RunningConsumers
  private let leases: Leases
  private let settler: Settler
  /// What was found out about each queue, and when.
  private let limits = Mutex<[QueueName: (limit: Duration?, seen: ContinuousClock.Instant)]>([:])

  init(_ session: Session, _ consumers: RunningConsumers, _ leases: Leases, _ settler: Settler) {
    self.session = session
    self.consumers = consumers
    self.leases = leases
    self.settler = settler
  }

  private var pause: Duration { session.configuration.leaseCheckInterval }

  /// Runs for as long as the connection lives.
  func run() async {
    while !Task.isCancelled, !session.consuming.state.isFinal {
      try? await Task.sleep(for: pause)
      for consumer in consumers.all where consumer.open.hasHeld(longerThan: pause) { await look(at: consumer) }
    }
  }

  private func look(at running: RunningConsumer) async {
    guard let limit = await limit(of: running.queue) else { return }
    // So early that the copy is acknowledged before.
    let allowed = limit - max(limit / 10, pause * 2)
    let overdue = running.open.take(heldLongerThan: allowed)
    if overdue.isEmpty { return }
    let numbers = Set(overdue.map(\.number))
    let unbegun = Set(running.consumer.revoke { numbers.contains($0.token.number) }.map(\.token.number))
    let begun = overdue.filter { !unbegun.contains($0.number) }
    running.consumer.cancelHandlers { token in begun.contains { $0.number == token.number } }
    await settler.giveBackUnbegun(overdue.filter { unbegun.contains($0.number) }.map(\.held), of: running.queue)
    for (number, held) in begun {
      session.logger.warning(
        "A handler holds its message for longer than the broker lets it: it is cancelled, and the message is handed out again",
        metadata: [
          "queue": "\(running.queue)", "message.id": "\(held.delivery.properties.messageID ?? "")",
          "limit": "\(limit.words)",
        ])
      if case .failure(let error) = await settler.takeAway(held) {
        running.open.putBack(held, number)
        session.logger.warning(
          "A message could not be taken away from its handler",
          metadata: ["queue": "\(running.queue)", "error": "\(error)"])
      }
    }
  }

  /// How long a delivery of the queue may be held, as far as that is known.
  private func limit(of queue: QueueName) async -> Duration? {
    if let known = limits.withLock({ $0[queue] }), known.seen.duration(to: .now) < .seconds(60) { return known.limit }
    let limit = await leases.limit(of: queue)
    limits.withLock { $0[queue] = (limit, .now) }
    return limit
  }
}
