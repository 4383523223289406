import BackstageBus
import ExampleSupport
import Foundation
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Testing
import Warren
import WarrenGRDB
import WarrenTesting

@testable import backstage

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A service on a file and a broker of its own.
private struct Stage {
  let broker: TestBroker
  let content: any ServiceContent
  let bus: BackstageBus
  private let folder: URL
  private let identity: Identity

  init(_ kind: ServiceKind) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "warren-backstage-\(UUID())")
    broker = try TestBroker()
    identity = Identity(kind: kind, name: kind.rawValue)
    content = try Member(identity, data: folder).content
    bus = try BackstageBus(broker, service: "test", logger: quiet)
  }

  func run(_ body: @escaping @Sendable (any TestClientProtocol) async throws -> Void) async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let router = ExampleSystem.router()
    content.add(to: router.group())
    let application = Application(router: router)
    let worker = try Worker(broker, name: "test", logger: quiet) { content.handlers() }
    try await broker.working(worker) { [broker, bus, content] in
      try await bus.initialize()
      try await withThrowingTaskGroup(of: Void.self) { group in
        if let store = content.store {
          group.addTask { try await OutboxRelay(store.bus.outbox, to: broker, logger: quiet).run() }
        }
        try await application.test(.router) { client in try await body(client) }
        group.cancelAll()
      }
    }
  }

  func publish(_ events: any EventMessage...) async throws {
    for event in events { try await bus.publishEvent(event) }
    try await broker.runUntilIdle()
  }
}

extension TestClientProtocol {
  fileprivate func ask(_ method: HTTPRequest.Method, _ path: String, _ body: String = "") async throws -> (
    Int, [String: Any]
  ) {
    let answer = try await execute(uri: path, method: method, body: ByteBuffer(string: body))
    let object = try? JSONSerialization.jsonObject(with: Data(answer.body.readableBytesView)) as? [String: Any]
    return (answer.status.code, object ?? [:])
  }
}

@Suite struct ServiceTests {
  @Test("a sale that comes before the sale that it follows is tried again, and the last buyer has the ticket")
  func salesOutOfOrder() async throws {
    let stage = try Stage(.tickets)
    try await stage.run { client in
      try await stage.publish(
        UserCreated(userId: 1, name: "A", email: "a@b.org"),
        EventCreated(eventId: 9, eventName: "Proms", userId: 1, venue: nil, startsAt: nil))
      #expect(try await client.ask(.post, "/tickets", #"{"user_id":1,"event_id":9}"#).0 == 201)
      let second = try await stage.bus.publishEvent(sale(from: 2, to: 3)).id
      try await stage.broker.wait(for: "it has failed once") { !stage.broker.settlements(of: second).isEmpty }
      try await stage.publish(sale(from: 1, to: 2))
      #expect(try await client.ask(.get, "/tickets/1").1["user_id"] as? Int == 3)
      #expect(stage.broker.settlements(of: second).last == .complete)
    }
  }

  @Test("a seller who has given the ticket away cannot deliver: both are told, and the ticket stays where it is")
  func saleWithoutTicket() async throws {
    let stage = try Stage(.tickets)
    try await stage.run { client in
      try await stage.publish(
        UserCreated(userId: 1, name: "A", email: "a@b.org"),
        EventCreated(eventId: 9, eventName: "Proms", userId: 1, venue: nil, startsAt: nil))
      _ = try await client.ask(.post, "/tickets", #"{"user_id":1,"event_id":9}"#)
      let sale = try await stage.bus.publishEvent(sale(from: 7, to: 8)).id
      try await stage.broker.runUntilIdle()
      try await stage.broker.completed(sale)
      try await stage.broker.wait(for: "both are told") {
        let told = stage.broker.published.filter {
          $0.destination == .exchange("backstage.notifications", "notification.system")
        }
        return told.count == 2
      }
      #expect(try await client.ask(.get, "/tickets/1").1["user_id"] as? Int == 1)
    }
  }

  private func sale(from seller: Int, to buyer: Int) -> ListingSold {
    ListingSold(
      listingId: seller, ticketId: 1, eventId: 9, eventName: "Proms", sellerId: seller, buyerId: buyer, priceCents: 100)
  }

  @Test("events about a user in the wrong order leave the newer name, and after a deletion nothing")
  func usersOutOfOrder() async throws {
    let stage = try Stage(.publications)
    try await stage.run { client in
      try await stage.publish(
        UserUpdated(userId: 1, name: "New", email: "a@b.org", version: 2),
        UserCreated(userId: 1, name: "Old", email: "a@b.org"))
      #expect(try await client.ask(.post, "/posts", #"{"user_id":1,"title":"T"}"#).0 == 201)
      try await stage.publish(
        UserDeleted(userId: 1), UserUpdated(userId: 1, name: "Late", email: "a@b.org", version: 3))
      #expect(try await client.ask(.get, "/posts/1").0 == 404)
      #expect(try await client.ask(.post, "/posts", #"{"user_id":1,"title":"T"}"#).0 == 404)
    }
  }

  @Test("an event that is delivered twice, or whose worker dies beside it, notifies and mails once")
  func notifyingOnce() async throws {
    let stage = try Stage(.notifications)
    stage.broker.inject(.deliveredTwice("ticket.purchased"))
    stage.broker.inject(.workerKilled(handling: "event.reminder"))
    try await stage.run { client in
      for user in 1...3 {
        try await stage.publish(
          UserCreated(userId: user, name: "U\(user)", email: "u\(user)@b.org"),
          TicketPurchased(ticketId: user, eventId: 9, eventName: "Proms", userId: user))
      }
      // Who has two tickets is reminded once.
      try await stage.publish(
        TicketPurchased(ticketId: 4, eventId: 9, eventName: "Proms", userId: 1),
        EventReminder(eventId: 9, eventName: "Proms"))
      try await stage.broker.wait(for: "all tasks are in email.queue") {
        stage.broker.published.filter { $0.message.name == "email.send" }.count >= 7
      }
      let counts = try await [1, 2, 3].asyncMap { user in
        try await client.ask(.get, "/users/\(user)/notifications").1["unread_count"] as? Int
      }
      #expect(counts == [3, 2, 2])
      let mails = stage.broker.published.filter { $0.message.name == "email.send" }
      #expect(Set(mails.map(\.message.id)).count == 7 && mails.allSatisfy { $0.destination == .queue("email.queue") })
      // They belong to the chain of the event that they came from.
      #expect(mails.allSatisfy { $0.message.correlationID != nil && $0.message.causationID != nil })
    }
  }

  @Test("holders of tickets are read in pages")
  func pages() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "warren-backstage-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let broker = try TestBroker()
    let identity = Identity(kind: .notifications, name: "notifications")
    let store = try ServiceStore(identity, data: folder, tables: NotificationsService.tables)
    let service = NotificationsService(identity, store, pageSize: 2)
    let worker = try Worker(broker, name: "test", logger: quiet) { service.handlers() }
    let bus = try BackstageBus(broker, service: "test", logger: quiet)
    try await broker.working(worker) {
      try await bus.initialize()
      for user in 1...5 {
        try await bus.publishEvent(UserCreated(userId: user, name: "U", email: "u@b.org"))
        try await bus.publishEvent(TicketPurchased(ticketId: user, eventId: 9, eventName: "Proms", userId: user))
      }
      try await broker.runUntilIdle()
      try await bus.publishEvent(EventReminder(eventId: 9, eventName: "Proms"))
      try await broker.runUntilIdle()
    }
    let unread = try await store.read { db in try (1...5).map { try NotificationList.unread(of: $0, in: db) } }
    #expect(unread == [2, 2, 2, 2, 2])
  }

  @Test("which services a process has, and that SERVICE_NAME names one")
  func plans() throws {
    #expect(try ProcessPlan(.all, nil, serviceName: nil).members.count == 7)
    #expect(try ProcessPlan(.worker, nil, serviceName: nil).works == [.notifications, .email, .analytics])
    let trends = try ProcessPlan(.service, .analytics, serviceName: "trends")
    #expect(trends.members.map(\.queue.name) == ["trends.queue"])
    #expect(try trends.topology().bindings.contains(Binding("trends.queue", to: "backstage.events", key: "#")))
    #expect(throws: StartError.self) { try ProcessPlan(.all, nil, serviceName: "trends") }
    #expect(throws: StartError.self) { try ProcessPlan(.service, .users, serviceName: "market") }
    #expect(Set(ServiceKind.allCases.map(\.port)).count == 7)
  }

  @Test("a mail shows text as text")
  func mail() {
    let email = SendEmail(userId: 1, to: "a@b.org", name: "<Ada>", subject: "S", message: "1 < 2 & \"3\"")
    #expect(
      EmailService.html(email).contains("&lt;Ada&gt;")
        && EmailService.html(email).contains("1 &lt; 2 &amp; &quot;3&quot;"))
    #expect(EmailService.text(email).contains("1 < 2 & \"3\""))
  }
}

extension Sequence {
  fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
