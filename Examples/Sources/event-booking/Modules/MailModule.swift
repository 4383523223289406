package import EventBookingModel
internal import EventBookingRepositories
package import Foundation
internal import Mail

/// What the mails say.
package struct MailModule: Sendable {
  /// The type of a mail that tells of a change.
  static let eventUpdate = "eventUpdate"
  /// The type of a mail that tells of a deletion.
  static let eventDeleted = "eventDeleted"
  private static let keeps: TimeInterval = 90 * 86_400
  private let repositories: Repositories
  private let sender: MailAddress

  init(repositories: Repositories, sender: MailAddress) {
    self.repositories = repositories
    self.sender = sender
  }

  /// Sends the mail of a job. Returns `false` when it was sent before.
  package func send(_ job: BookingConfirmation, _ info: JobInfo) async throws -> Bool {
    try await send(
      to: job.customerEmail, info, subject: "Your booking of \(job.eventTitle)",
      paragraphs: ["You have booked \(job.eventTitle).", "Booking: \(job.bookingId)", "See you there!"])
  }

  /// Sends the mail of a job. Returns `false` when it was sent before.
  package func send(_ job: SendIndividualEmail, _ info: JobInfo) async throws -> Bool {
    switch job.type {
    case Self.eventUpdate:
      try await send(
        to: job.email, info, subject: "\(job.eventTitle) has changed",
        paragraphs: [
          "There is news about \(job.eventTitle), which you have booked.", "Please look at the event again.",
        ])
    case Self.eventDeleted:
      try await send(
        to: job.email, info, subject: "\(job.eventTitle) will not take place",
        paragraphs: ["\(job.eventTitle), which you have booked, will not take place.", "Your booking has ended."])
    default:
      throw MailError(
        .invalid,
        "the type '\(job.type.prefix(50))' is unknown: \(Self.eventUpdate) and \(Self.eventDeleted) are possible")
    }
  }

  /// Forgets which mails were sent when no job of that time can come again.
  package func forgetOld(now: Date) async throws {
    try await repositories.mails.forget(before: now.addingTimeInterval(-Self.keeps))
  }

  private func send(to address: String, _ info: JobInfo, subject: String, paragraphs: [String]) async throws -> Bool {
    try await repositories.mails.sendOnce(
      Mail(
        id: info.id, from: sender, to: try MailAddress(address), subject: subject,
        text: paragraphs.joined(separator: "\n\n") + "\n",
        html: paragraphs.map { "<p>\(Self.escaped($0))</p>\n" }.joined(), date: info.date))
  }

  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
  }
}
