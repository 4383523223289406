internal import ExampleSupport
internal import Logging
internal import TutorGoMessaging
internal import Warren
internal import WarrenGRDB

/// Cancels what nothing has come of: a schedule asks for it, and it consumes `booking.expire`.
struct ExpiryHandler: Sendable {
  let store: Store

  /// Every five minutes, in one process of all; what was missed while none ran is made good by one run.
  static func scheduler(_ bus: EventBus, _ store: any StateStore, logger: Logger) throws(BrokerError) -> Scheduler {
    try Scheduler(bus, store: store, logger: logger) {
      Schedule("expire", .every(.seconds(300))) { tick in ExpireBookings(before: tick) }
    }
  }

  func expire(_ job: ExpireBookings, _ context: HandlerContext) async throws {
    // What is cancelled is not found again, so a repeat of the job does nothing.
    let count = try await store.expire(before: job.before)
    if count > 0 { context.logger.info("Bookings expired", metadata: ["count": "\(count)"]) }
  }
}
