import CoreMetrics

/// The counters of a connection, by swift-metrics. They are counted up in bulk, once a read or write.
///
/// `amqp.published`, `amqp.confirmed`, `amqp.unconfirmed` (with the dimension `reason`: unroutable, nacked, unknown, not_sent),
/// `amqp.resent`, `amqp.delivered`, `amqp.settled`, `amqp.settled.stale`, `amqp.connections.opened`, `amqp.connections.lost`,
/// `amqp.channels.closed_by_server`; each with the dimension `connection`, its configured name.
struct AMQPMetrics: Sendable {
  let published: Counter
  let confirmed: Counter
  let resent: Counter
  let unroutable: Counter
  let nacked: Counter
  let unknown: Counter
  let notSent: Counter
  let delivered: Counter
  let settled: Counter
  let stale: Counter
  let opened: Counter
  let lost: Counter
  let channelsClosed: Counter

  init(connection: String) {
    func counter(_ label: String, _ reason: String? = nil) -> Counter {
      var dimensions = [("connection", connection)]
      if let reason { dimensions.append(("reason", reason)) }
      return Counter(label: label, dimensions: dimensions)
    }
    published = counter("amqp.published")
    confirmed = counter("amqp.confirmed")
    resent = counter("amqp.resent")
    unroutable = counter("amqp.unconfirmed", "unroutable")
    nacked = counter("amqp.unconfirmed", "nacked")
    unknown = counter("amqp.unconfirmed", "unknown")
    notSent = counter("amqp.unconfirmed", "not_sent")
    delivered = counter("amqp.delivered")
    settled = counter("amqp.settled")
    stale = counter("amqp.settled.stale")
    opened = counter("amqp.connections.opened")
    lost = counter("amqp.connections.lost")
    channelsClosed = counter("amqp.channels.closed_by_server")
  }
}
