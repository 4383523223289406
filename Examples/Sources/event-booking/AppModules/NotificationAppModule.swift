package import EventBookingModel
package import EventBookingModules
internal import Foundation

/// What the worker does with each job.
package struct NotificationAppModule: Sendable {
  private let modules: Modules
  package init(_ modules: Modules) { self.modules = modules }

  /// Mails the confirmation of a booking. Returns `false` when that was done before.
  package func confirm(_ job: BookingConfirmation, _ info: JobInfo) async throws -> Bool {
    try await modules.mails.send(job, info)
  }

  /// Mails the news of an event to one customer. Returns `false` when that was done before.
  package func tell(_ job: SendIndividualEmail, _ info: JobInfo) async throws -> Bool {
    try await modules.mails.send(job, info)
  }

  /// Makes a job for each customer of an event. Returns how many there are, and `nil` when none has to be told.
  package func fanOut(_ job: EventUpdate, _ info: JobInfo) async throws -> Int? {
    try await modules.mails.forgetOld(now: .now)
    return try await modules.updates.fanOut(job, id: info.id)
  }
}
