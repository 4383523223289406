import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenRabbitMQ

/// The messages of the five systems, both ways between Warren and a service on pika, on queues that the latter declared.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note), .serialized)
struct DocumentTests {
  @Test func bothWaysOnClassicQueues() async throws { try await bothWays(Classic.self) }
  @Test func bothWaysOnQuorumQueues() async throws { try await bothWays(Quorum.self) }

  private func bothWays<K: Kind>(_ kind: K.Type) async throws {
    try await Peer.run("declare", K.name, K.prefix)
    let broker = try RabbitMQBroker(url: try #require(RealBroker.url))
    try await broker.withBroker { broker in
      let seen = Log<String>()
      let worker = try worker(broker, kind, seen)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        try await Peer.run("publish", K.prefix)
        let texts = Set(try await seen.next(6))
        #expect(
          texts == [
            "API Guide by user123 for api, guide", "booking-123: Math for 50.0 at 1733907600.0",
            "12 Größe der Nacht ♫ 456",
            "like New Like post 123", "booking_confirmation to ann@example.org: A1, A2", "e-1: Hall 2",
          ])
        group.cancelAll()
      }
      for queue in K.queues {
        // The worker has stopped, and nothing was left behind or parked.
        let status = try #require(try await broker.queue(queue))
        #expect(status.ready == 0 && status.running == 0)
        // Counted, not looked at: from 4.0 on a queue of a foreign service may grant too few deliveries for that.
        #expect(try await broker.queue(K.dead(queue))?.ready == 0)
      }
      try await answer(broker, kind)
    }
    try await Peer.run("delete", K.prefix)
  }

  /// What pika published, in the types of a Swift service.
  private func worker<K: Kind>(_ broker: RabbitMQBroker, _ kind: K.Type, _ seen: Log<String>) throws -> Worker {
    func queue(_ name: String) -> Queue { K.queue(name) }
    func exchange(_ name: String, _ kind: Exchange.Kind) -> Exchange {
      Exchange("\(K.prefix)\(name)", kind, isAdopted: true)
    }
    return try Worker(broker, name: "documents") {
      Subscription(queue("bookspace.notifications"), on: exchange("bookspace.events", .fanout)) {
        On(DocumentCreated.self) { event, _ in
          seen.add("\(event.title) by \(event.createdBy) for \(event.tags.joined(separator: ", "))")
        }
      }
      Subscription(queue("notification.booking"), on: exchange("tutorgo_events", .topic), to: "booking.*") {
        On(BookingCreated.self) { event, _ in
          seen.add(
            "\(event.bookingId): \(event.subject) for \(event.totalAmount) at \(event.startTime.timeIntervalSince1970)")
        }
      }
      .codec(.plain)
      Subscription(queue("analytics.queue"), on: exchange("backstage.events", .topic), to: "event.*") {
        On(EventCreated.self) { event, _ in seen.add("\(event.eventID) \(event.eventName) \(event.userID)") }
      }
      Subscription(queue("notifications.queue"), on: exchange("backstage.notifications", .topic), to: "notification.*")
      {
        On(LikeNotification.self) { event, _ in
          seen.add("\(event.type) \(event.title) \(event.relatedType) \(event.relatedID)")
        }
      }
      On(Email<K>.self) { job, _ in
        seen.add("\(job.template) to \(job.data.to): \(job.data.seats.joined(separator: ", "))")
      }
      On(EventUpdate<K>.self) { job, _ in seen.add("\(job.eventId): \(job.changes["venue"] ?? "")") }
    }
  }

  /// The same messages from Warren, as a service on pika reads them.
  private func answer<K: Kind>(_ broker: RabbitMQBroker, _ kind: K.Type) async throws {
    let bus = EventBus(broker, exchange: .fanout("\(K.prefix)bookspace.events"), source: "suite")
    var ids: [String: MessageID] = [:]
    ids["bookspace.notifications"] = try await bus.publish(
      DocumentCreated(documentId: "doc123", title: "API Guide", createdBy: "user123", tags: ["api", "guide"])
    ).id
    ids["notification.booking"] = try await bus.on(.topic("\(K.prefix)tutorgo_events"), codec: .plain).publish(
      BookingCreated(
        bookingId: "booking-123", tutorId: "tutor-123", studentId: "student-123", subject: "Math", startTime: Date(),
        totalAmount: 50, timestamp: Date())
    ).id
    ids["analytics.queue"] = try await bus.on(.topic("\(K.prefix)backstage.events")).publish(
      EventCreated(eventID: 12, eventName: "Größe der Nacht ♫", userID: 456)
    ).id
    ids["notifications.queue"] = try await bus.on(.topic("\(K.prefix)backstage.notifications")).publish(
      LikeNotification(
        userID: 456, type: "like", title: "New Like", message: "Someone liked your post", relatedID: 123,
        relatedType: "post")
    ).id
    ids["email_queue"] = try await bus.enqueue(
      Email<K>(
        type: "EMAIL", template: "booking_confirmation",
        data: .init(to: "ann@example.org", movie: "Metropolis", seats: ["A1", "A2"]))
    ).id
    // A delayed one arrives as it was, by way of a bucket.
    ids["eventUpdate"] = try await bus.enqueue(
      EventUpdate<K>(eventId: "e-1", changes: ["venue": "Hall 2"]), after: .milliseconds(50)
    ).id
    for (queue, body) in try Peer.documents() {
      let line = try #require(try await Peer.run("consume", K.prefix + queue, "1").first)
      let received = try Peer.Received(line)
      #expect(received.body.timeless == body.timeless, "\(line)")
      #expect(received.id == ids[queue]?.rawValue && received.source == "suite", "\(line)")
      #expect(received.contentType == "application/json" && received.mode == 2, "\(line)")
      #expect(received.type != nil && !received.key.isEmpty, "\(line)")
    }
  }
}

/// Which sort of queue the other service has declared.
protocol Kind: Sendable {
  static var name: String { get }
  static var prefix: String { get }
}
enum Classic: Kind {
  static let name = "classic", prefix = "t\(UInt32.random(in: 0...UInt32.max)).c."
}
enum Quorum: Kind {
  static let name = "quorum", prefix = "t\(UInt32.random(in: 0...UInt32.max)).q."
}
extension Kind {
  static func dead(_ queue: QueueName) -> QueueName { "\(queue).dead" }
  static func queue(_ name: String) -> Queue {
    let queue = QueueName(prefix + name)
    return Queue(
      queue, deadLetter: .exchange("\(prefix)dlx", key: RoutingKey(dead(queue).rawValue), queue: dead(queue))
    ).adopted()
  }
  static var queues: [QueueName] {
    [
      "bookspace.notifications", "notification.booking", "analytics.queue", "notifications.queue", "email_queue",
      "eventUpdate",
    ]
    .map { queue($0).name }
  }
}

private struct DocumentCreated: EventMessage {
  static let name: MessageName = "document.created"
  var documentId: String
  var title: String
  var createdBy: String
  var tags: [String]
}
private struct BookingCreated: EventMessage {
  static let name: MessageName = "booking.created"
  var bookingId: String
  var tutorId: String
  var studentId: String
  var subject: String
  var startTime: Date
  var totalAmount: Double
  var timestamp: Date
}
// The names of its fields are the contract, as they stand there.
private struct EventCreated: EventMessage {
  static let name: MessageName = "event.created"
  var eventID: Int
  var eventName: String
  var userID: Int
  private enum CodingKeys: String, CodingKey { case eventID = "event_id", eventName = "event_name", userID = "user_id" }
}
private struct LikeNotification: EventMessage {
  static let name: MessageName = "notification.like"
  var userID: Int
  var type: String
  var title: String
  var message: String
  var relatedID: Int
  var relatedType: String
  private enum CodingKeys: String, CodingKey {
    case userID = "user_id", type, title, message, relatedID = "related_id", relatedType = "related_type"
  }
}
private struct Email<K: Kind>: JobMessage {
  struct Content: Codable, Sendable {
    var to: String
    var movie: String
    var seats: [String]
  }
  static var name: MessageName { "EMAIL" }
  static var queue: Queue { K.queue("email_queue") }
  static var codec: any MessageCodec { .plain }
  var type: String
  var template: String
  var data: Content
}
private struct EventUpdate<K: Kind>: JobMessage {
  static var name: MessageName { "eventUpdate" }
  static var queue: Queue { K.queue("eventUpdate") }
  var eventId: String
  var changes: [String: String]
}
