package import EventBookingAppModules
internal import EventBookingModel
internal import Foundation
package import Logging
internal import Mail
package import Warren

/// Takes the jobs from the queue. One is acknowledged when it is done, and not before.
package struct EmailWorker: Sendable {
  private let notifications: NotificationAppModule
  private let concurrency: Int

  /// - Parameter concurrency: how many jobs are handled at once.
  package init(_ notifications: NotificationAppModule, concurrency: Int = 16) {
    self.notifications = notifications
    self.concurrency = concurrency
  }

  package func worker(
    on broker: any Broker, options: Worker.Options = .init(), logger: Logger
  ) throws -> Worker {
    try Worker(broker, name: "event-booking-worker", options: options, logger: logger) {
      On(BookingConfirmation.self) { job, context in
        try await mail(context) { try await notifications.confirm(job, $0) }
      }
      .concurrency(concurrency)
      On(EventUpdate.self) { job, context in
        let count = try await notifications.fanOut(job, Self.info(context))
        context.logger.info(
          "Event update fanned out", metadata: ["event": "\(job.eventId)", "customers": "\(count ?? 0)"])
      }
      .concurrency(concurrency)
      On(SendIndividualEmail.self) { job, context in
        try await mail(context) { try await notifications.tell(job, $0) }
      }
      .concurrency(concurrency)
    }
  }

  private func mail(_ context: HandlerContext, _ send: (JobInfo) async throws -> Bool) async throws {
    do {
      let isNew = try await send(Self.info(context))
      context.logger.debug(isNew ? "Mail sent" : "Mail was sent before")
    } catch let error as MailError {
      throw Self.outcome(of: error)
    }
  }

  /// A mail server that is busy is asked again after growing pauses. One that cannot be reached says nothing about the mail, so
  /// that costs no attempt. What it refuses for good is a dead letter at once, with its answer.
  private static func outcome(of error: MailError) -> any Error {
    switch error.kind {
    case .permanent, .invalid: Outcome.deadLetter(error.message)
    case .cancelled: Outcome.release
    default: error.replyCode == nil ? Outcome.postpone(for: .seconds(10)) : error
    }
  }

  private static func info(_ context: HandlerContext) throws -> JobInfo {
    guard let id = context.message.id else {
      throw Outcome.deadLetter("the message has no id for its mail's Message-ID")
    }
    return JobInfo(id: id.rawValue, date: context.message.timestamp ?? .now)
  }
}
