public import Warren

/// Exchanges, queues and routing keys of TutorGo, by the names that every service of it knows.
public enum Layout {
  /// Where dead letters go, each by the key and into the queue `NAME.dead`.
  public static let deadLetterExchange: ExchangeName = "tutorgo_dlx"
  /// Bookings and cancellations, for the notification service.
  public static let bookingNotifications = queue("notification.booking")
  /// Payments, for the notification service.
  public static let paymentNotifications = queue("notification.payment")
  /// Reviews, for the notification service.
  public static let reviewNotifications = queue("notification.review")
  /// What is to be given back, for the payment service.
  public static let refunds = queue("payment.refund")
  /// The schedule's question which bookings are too late to be confirmed, for the booking service.
  public static let expiries = queue("booking.expire")

  /// What fails is tried again after 2, 4 and 8 s; the fourth failure is the last.
  public static let retry: RetryPolicy = .exponential(from: .milliseconds(2000), retries: 3)
  /// How many messages a consumer holds at once.
  public static let prefetch = 5

  /// A queue whose dead letters go through ``deadLetterExchange`` to `NAME.dead`.
  public static func queue(_ name: QueueName) -> Queue {
    Queue(name, deadLetter: .exchange(deadLetterExchange, key: RoutingKey("\(name).dead")))
  }

  /// All of it. API and worker both declare it before they serve.
  public static func topology(_ exchange: Exchange) throws(BrokerError) -> Topology {
    try Topology(
      exchanges: [exchange],
      queues: [bookingNotifications, paymentNotifications, reviewNotifications, refunds, expiries],
      bindings: [
        Binding("notification.booking", to: exchange.name, key: "booking.created"),
        Binding("notification.booking", to: exchange.name, key: "booking.cancelled"),
        Binding("notification.payment", to: exchange.name, key: "payment.completed"),
        Binding("notification.review", to: exchange.name, key: "review.submitted"),
      ])
  }
}
