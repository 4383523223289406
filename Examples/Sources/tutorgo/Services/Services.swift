internal import ExampleSupport
internal import Hummingbird
internal import TutorGoMessaging
internal import Warren

/// The four services: what each answers, and what each consumes.
enum Services {
  static func addRoutes(to router: RouterGroup<BasicRequestContext>, _ store: Store) {
    let routes = router.group().add(middleware: TraceMiddleware())
    BookingRoutes(store: store).add(to: routes)
    PaymentRoutes(store: store).add(to: routes)
    TutorRoutes(store: store).add(to: routes)
    NotificationRoutes(store: store).add(to: routes)
  }

  static func worker(
    _ consumer: EventConsumer, _ store: Store, _ mails: NotificationMails, clock: (any BrokerClock)? = nil
  ) throws -> Worker {
    let notifications = NotificationHandlers(store: store, mails: mails)
    let refunds = RefundHandler(store: store)
    let expiries = ExpiryHandler(store: store)
    return try consumer.worker(clock: clock) {
      notifications.subscriptions(consumer)
      On(RefundPayment.self, refunds.refund).prefetch(Layout.prefetch)
      On(ExpireBookings.self, expiries.expire)
    }
  }
}
