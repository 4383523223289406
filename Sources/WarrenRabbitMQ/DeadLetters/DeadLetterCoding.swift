internal import AMQP
internal import Foundation
internal import Warren

extension DeadLetter {
  /// The dead letter in a delivery from a dead-letter queue, from Warren or from any other program. `origin` is for one that does not tell.
  init(_ delivery: AMQPDelivery, in queue: QueueName, origin fallback: QueueName?, _ addresses: inout Addresses) {
    let headers = delivery.headers
    let death = Death(headers)
    let route = Route(deadLetter: delivery)
    let reason: DeadLetterReason
    if let kind = headers[HeaderNames.reason]?.string.map(DeadLetterReason.Kind.init(rawValue:)) {
      reason = DeadLetterReason(kind, headers[HeaderNames.detail]?.string ?? "")
    } else {
      reason = DeadLetterReason(broker: death?.reason)
    }
    self.init(
      message: Message(deadLetter: delivery), queue: queue,
      origin: headers[HeaderNames.origin]?.string.map { QueueName($0) } ?? death.map { QueueName($0.queue) }
        ?? fallback ?? queue,
      exchange: route.exchangeName, routingKey: RoutingKey(route.routingKey), reason: reason,
      time: headers[HeaderNames.parkedAt]?.integer.map(Date.init(milliseconds:)) ?? death?.time
        ?? Date(timeIntervalSince1970: 0),
      history: History(headers, deliveries: 0), address: addresses.next(delivery))
  }

  /// Whether every condition holds, but for the queue.
  func fulfils(_ selection: DeadLetterSelection) -> Bool {
    if let origin = selection.origin, self.origin != origin { return false }
    if !selection.ids.isEmpty, message.id.map(selection.ids.contains) != true,
      address.map(selection.ids.contains) != true
    {
      return false
    }
    if let fingerprint = selection.fingerprint, self.fingerprint != fingerprint { return false }
    if let until = selection.until, time.milliseconds > until.milliseconds { return false }
    return selection.filter.matches(self)
  }
}

/// One message that one queue gave up on at one time. Where its dead-letter exchange brings it to several queues, each has a copy,
/// and together they are one dead letter.
struct Parking: Hashable, Sendable {
  let id: MessageID
  let origin: QueueName
  let time: Date

  /// `nil` where a letter cannot be told from another.
  init?(_ letter: DeadLetter) {
    guard let id = letter.message.id else { return nil }
    self.id = id
    origin = letter.origin
    time = letter.time
  }
}

extension DeadLetterReason {
  /// Why the broker itself dead-lettered a message.
  init(broker reason: String?) {
    switch reason {
    case "expired": self.init(.expired, "its time to live was over while it waited")
    case "delivery_limit": self.init(.crashLooping, "the queue's delivery limit was reached")
    case "maxlen": self.init(.rejected, "the queue was full and dropped its oldest message")
    case "rejected": self.init(.rejected, "a consumer rejected it")
    case let other?: self.init(.rejected, "RabbitMQ says: \(other)")
    case nil: self.init(.rejected, "it was put here by another program, without a reason")
    }
  }
}
