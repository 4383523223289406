// backstage.md, "Notifications Service": events that need notifications, until SIGTERM or SIGINT.
// SERVICE_NAME=reminders swift run --package-path Examples BackstageNotifications
import BackstageBus
import Foundation
import Warren

/// What the three have of this; the rest of an event's data is ignored.
struct Subject: Codable {
  var userId: Int?
  var eventName: String?
}

let bus = try BackstageBus()

let notifications = try bus.subscribeToEvents(["ticket.purchased", "event.reminder", "listing.sold"]) { event in
  try await createNotification(event.type, event.data(as: Subject.self))
}

try await bus.run(with: notifications)

func createNotification(_ kind: String, _ subject: Subject) async throws {
  print("Notification of \(kind) for \(subject.userId.map { "user \($0)" } ?? "all"): \(subject.eventName ?? "")")
  fflush(nil)
}
