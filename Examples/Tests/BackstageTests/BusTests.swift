import BackstageBus
import ExampleSupport
import Foundation
import Logging
import Synchronization
import Testing
import Warren
import WarrenConnect
import WarrenTesting

@Suite struct BusTests {
  private static let time = Date(timeIntervalSince1970: 1_790_000_000.25)

  @Test("an event is the document's, to the letter: type, data in snake_case, timestamp and service")
  func envelope() throws {
    let composer = BackstageBus.composer(of: "publications")
    let message = try composer.publication(
      of: EventCreated(eventId: 12, eventName: "Proms", userId: 456, venue: nil, startsAt: nil)
    ).message
    let body = try #require(JSONSerialization.jsonObject(with: message.body) as? [String: Any])
    #expect(Set(body.keys) == ["type", "data", "timestamp", "service"])
    #expect(body["type"] as? String == "event.created" && body["service"] as? String == "publications")
    let data = try #require(body["data"] as? [String: Any])
    #expect(
      data["event_id"] as? Int == 12 && data["event_name"] as? String == "Proms" && data["user_id"] as? Int == 456)
    let text = String(
      decoding: try BackstageCodec(service: "users").encode(UserDeleted(userId: 1), at: Self.time), as: UTF8.self)
    #expect(
      text
        == #"{"data":{"user_id":1},"service":"users","timestamp":"2026-09-21T14:13:20.250Z","type":"user.deleted"}"#)
  }

  @Test("an event of another program is read in any order of fields, and known again by its text when it has no id")
  func foreign() throws {
    let codec = BackstageCodec(service: "test")
    func message(_ text: String) -> Message { Message(id: nil, name: nil, body: Data(text.utf8)) }
    let event = message(
      #"{"type":"ticket.purchased","service":"node","more":1,"data":{"user_id":4,"event_name":"ü","ticket_id":2,"event_id":3},"timestamp":"2026-11-26T10:00:00.000Z"}"#
    )
    #expect(try codec.decode(TicketPurchased.self, from: event).eventName == "ü")
    #expect(codec.name(in: event) == "ticket.purchased")
    let id = try #require(codec.id(in: event))
    #expect(codec.id(in: event) == id && id.rawValue.utf8.count == 71)
    #expect(
      codec.id(in: message(#"{"type":"a.b","data":{}}"#)) == nil, "without a time two events may be the same text")
  }

  @Test("all documented names are there, and each service's queue is bound to what it handles")
  func layout() throws {
    let topology = try Layout.topology()
    let queues = Set(topology.queues.map(\.name))
    #expect(queues.isSuperset(of: ["notifications.queue", "email.queue", "analytics.queue"]))
    #expect(Set(topology.exchanges.map(\.name)) == ["backstage.events", "backstage.notifications", "concerts"])
    #expect(topology.bindings.contains(Binding("analytics.queue", to: "backstage.events", key: "#")))
    for key in ["ticket.purchased", "event.reminder", "listing.sold"] as [RoutingKey] {
      #expect(topology.bindings.contains(Binding("notifications.queue", to: "backstage.events", key: key)))
    }
    #expect(
      topology.bindings.contains(
        Binding("notifications.queue", to: "backstage.notifications", key: "notification.#")))
  }

  @Test("a service that is not ours gets what its patterns let in, and publishers know nothing of it")
  func subscribing() async throws {
    let broker = try TestBroker()
    let (publisher, audit) = (try bus(broker, "publications"), try bus(broker, "audit"))
    let seen = Mutex<[String]>([])
    let listener = try audit.subscribeToEvents(["post.*", "user.created"]) { event in
      seen.withLock { $0.append("\(event.type) by \(event.service ?? "")") }
    }
    #expect(throws: BrokerError.self) { try audit.subscribeToEvents(["#"]) { _ in } }
    #expect(throws: BrokerError.self) { try publisher.subscribeToEvents([]) { _ in } }
    try await broker.working(listener) {
      try await publisher.initialize()
      try await publisher.publishEvent(PostCreated(postId: 123, userId: 456, title: "My Post"))
      try await publisher.publishEvent(UserDeleted(userId: 456))
      try await publisher.publishEvent(UserCreated(userId: 456, name: "Ada", email: "ada@example.org"))
      try await broker.runUntilIdle()
    }
    #expect(seen.withLock { $0 }.sorted() == ["post.created by publications", "user.created by publications"])
    #expect(listener.topology.queues.first?.name == "audit.queue")
  }

  @Test("a handler that throws gets the event again, and its data as a type of its own")
  func retrying() async throws {
    let broker = try TestBroker()
    let audit = try bus(broker, "audit")
    struct Post: Decodable {
      var postId: Int
      var title: String
    }
    struct Busy: Error {}
    let tries = Mutex(0)
    let titles = Mutex<[String]>([])
    let listener = try audit.subscribeToEvents(["#"]) { event in
      if tries.withLock({ tries in
        tries += 1
        return tries < 3
      }) {
        throw Busy()
      }
      let post = try event.data(as: Post.self)
      titles.withLock { $0.append("\(post.postId) \(post.title)") }
    }
    try await broker.working(listener) {
      try await audit.publishEvent(PostCreated(postId: 1, userId: 2, title: "Again"))
      try await broker.runUntilIdle()
    }
    #expect(tries.withLock { $0 } == 3 && titles.withLock { $0 } == ["1 Again"])
  }

  @Test("a notification is routed by its kind")
  func notification() async throws {
    let broker = try TestBroker()
    let bus = try bus(broker, "publications")
    try await broker.withBroker { broker in
      try await bus.sendNotification(
        to: 456, kind: "like", title: "New Like", message: "Hello", related: .to("post", 123))
      let publication = try #require(broker.published.first)
      #expect(publication.destination == .exchange("backstage.notifications", "notification.like"))
      let body = try #require(JSONSerialization.jsonObject(with: publication.message.body) as? [String: Any])
      let data = try #require(body["data"] as? [String: Any])
      #expect(body["type"] as? String == "notification.like" && data["type"] as? String == "like")
      #expect(data["related_id"] as? Int == 123 && data["related_type"] as? String == "post")
    }
  }

  @Test(
    "what selects RabbitMQ, and what is missing then",
    arguments: [
      (["RABBITMQ_PORT": "5673"], "amqp://backstage:rabbitmq123@localhost:5673"),
      (["RABBITMQ_HOST": "mq"], "amqp://backstage:rabbitmq123@mq:5672"),
      (["RABBITMQ_USER": "u", "RABBITMQ_PASSWORD": "p"], "amqp://u:p@localhost:5672"),
      (["RABBITMQ_HOST": "mq", "RABBITMQ_URL": "amqp://a:b@c:1"], "amqp://a:b@c:1"),
    ])
  func selection(environment: [String: String], url: String) throws {
    let address = try BrokerAddress.choose(
      option: nil, environment: environment, data: URL(filePath: "d"), defaults: BackstageBus.defaults)
    #expect(address == .rabbitMQ(url: url))
  }

  @Test("without any of that it is the embedded engine; a service needs a name that a queue can have")
  func names() throws {
    let address = try BrokerAddress.choose(
      option: nil, environment: [:], data: URL(filePath: "d"), defaults: BackstageBus.defaults)
    #expect(address == .sqlite(path: URL(filePath: "d/broker.db").path))
    for name in ["", "a b", "../x", "a/b", String(repeating: "a", count: 65), "é", "a\n"] {
      #expect(throws: BrokerError.self, "\(name)") { try BackstageBus.check(name) }
    }
    try BackstageBus.check("audit-2.eu_west")
    #expect(throws: BrokerError.self) { try BackstageBus(environment: [:]) }
  }

  private func bus(_ broker: TestBroker, _ service: String) throws -> BackstageBus {
    try BackstageBus(broker, service: service, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }
}
