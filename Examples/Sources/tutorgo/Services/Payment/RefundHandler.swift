internal import Logging
internal import TutorGoMessaging
internal import Warren
internal import WarrenGRDB

/// Consumes `payment.refund`.
struct RefundHandler: Sendable {
  let store: Store

  func refund(_ job: RefundPayment, _ context: HandlerContext) async throws {
    let now = store.clock.now
    let isNew = try await store.inbox.once(context, "refund") { db in try Store.refund(job, now: now, db) }
    context.logger.info(
      isNew ? "Payment refunded" : "Payment was refunded before", metadata: ["payment": "\(job.paymentId)"])
  }
}
