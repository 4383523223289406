// backstage.md, "Publications Service": when a concert is created. The system itself does it in its transaction: `BusOutbox`.
// SERVICE_NAME=publications swift run --package-path Examples BackstagePublications
import BackstageBus
import Warren

struct EventCreated: EventMessage {
  static let name: MessageName = "event.created"
  var eventId: Int
  var eventName: String
  var userId: Int
}

let newEvent = (id: 7, title: "Night of the Strings", userId: 456)

let bus = try BackstageBus()
try await bus.broker.withBroker { _ in
  let published = try await bus.publishEvent(
    EventCreated(eventId: newEvent.id, eventName: newEvent.title, userId: newEvent.userId))
  print("event.created:", published.result)
}
