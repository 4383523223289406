import CoreMetrics

/// What a connection tells swift-metrics. Counters are counted up in bulk, once a read or write.
///
/// `amqp.published`, `amqp.confirmed`, `amqp.unconfirmed` (with the dimension `reason`: unroutable, nacked, unknown, not_sent),
/// `amqp.resent`, `amqp.delivered`, `amqp.settled`, `amqp.settled.stale`, `amqp.connections.opened`, `amqp.connections.lost`,
/// `amqp.channels.closed_by_server`; each with the dimension `connection`, its configured name.
///
/// Gauges, once a second: `amqp.publishes.outstanding` (sent and not confirmed), `amqp.deliveries.unsettled`, `amqp.channels`,
/// `amqp.blocked` (1 while the broker takes no messages), `amqp.open` (1 while the connection is open). And `amqp.confirm.latency`:
/// how long a confirm takes, of one publish of a channel at a time.
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
  let outstanding: Gauge
  let unsettled: Gauge
  let channels: Gauge
  let blocked: Gauge
  let open: Gauge
  let confirmLatency: Timer

  init(connection: String, factory: any MetricsFactory = MetricsSystem.factory) {
    func counter(_ label: String, _ reason: String? = nil) -> Counter {
      var dimensions = [("connection", connection)]
      if let reason { dimensions.append(("reason", reason)) }
      return Counter(label: label, dimensions: dimensions, factory: factory)
    }
    func gauge(_ label: String) -> Gauge {
      Gauge(label: label, dimensions: [("connection", connection)], factory: factory)
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
    outstanding = gauge("amqp.publishes.outstanding")
    unsettled = gauge("amqp.deliveries.unsettled")
    channels = gauge("amqp.channels")
    blocked = gauge("amqp.blocked")
    open = gauge("amqp.open")
    confirmLatency = Timer(label: "amqp.confirm.latency", dimensions: [("connection", connection)], factory: factory)
  }
}
