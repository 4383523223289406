internal import AMQP
internal import Foundation
internal import Warren

/// Where a message was first published: a retry, a delay and a dead letter all travel by other ways.
struct Route: Sendable, Equatable {
  /// Empty when it was put into its queue directly.
  var exchange: String
  var routingKey: String

  init(exchange: String, routingKey: String) {
    self.exchange = exchange
    self.routingKey = routingKey
  }

  /// As the headers tell, or else as it arrived. What another program published with an `x-death` of old in its headers came
  /// from the exchange that it came from; only what was put into the queue directly can have been there before.
  init(_ delivery: AMQPDelivery) {
    self.init(delivery, believesDeath: delivery.exchange.isEmpty)
  }

  /// Of a message in a queue of dead letters, which the broker brought there.
  init(deadLetter delivery: AMQPDelivery) {
    self.init(delivery, believesDeath: true)
  }

  private init(_ delivery: AMQPDelivery, believesDeath: Bool) {
    let headers = delivery.headers
    if let exchange = headers[HeaderNames.exchange]?.string {
      self.init(exchange: exchange, routingKey: headers[HeaderNames.routingKey]?.string ?? delivery.routingKey)
    } else if believesDeath, let death = Death(headers) {
      self.init(exchange: death.exchange, routingKey: death.routingKey)
    } else {
      self.init(exchange: delivery.exchange, routingKey: delivery.routingKey)
    }
  }

  var exchangeName: ExchangeName? { exchange.isEmpty ? nil : ExchangeName(exchange) }

  func write(to headers: inout AMQPTable) {
    headers[HeaderNames.exchange] = .string(exchange)
    headers[HeaderNames.routingKey] = .string(routingKey)
  }
}

/// The last time that the broker itself dead-lettered a message, out of a queue that is neither a delay bucket nor a relay.
struct Death: Sendable {
  let queue: String
  let exchange: String
  let routingKey: String
  let reason: String
  let time: Date?

  init?(_ headers: AMQPTable) {
    // The latest comes first.
    for entry in headers["x-death"]?.array ?? [] {
      guard let entry = entry.table, let queue = entry["queue"]?.string, !queue.hasPrefix(SystemNames.bucketPrefix),
        !queue.hasPrefix(SystemNames.relayPrefix)
      else { continue }
      self.queue = queue
      exchange = entry["exchange"]?.string ?? ""
      routingKey = entry["routing-keys"]?.array?.first?.string ?? queue
      reason = entry["reason"]?.string ?? ""
      if case .timestamp(let seconds)? = entry["time"] { time = Date(amqp: seconds) } else { time = nil }
      return
    }
    return nil
  }
}
