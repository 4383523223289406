internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import HTTPTypes
internal import Hummingbird
internal import Warren
internal import WarrenGRDB

/// Makes notifications of events, and a task in `email.queue` of some.
///
/// A notification and its task are one transaction with the note that the event was handled: an event that comes twice notifies
/// once.
struct NotificationsService: ServiceContent {
  private let identity: Identity
  private let data: ServiceStore
  /// How many holders of tickets are read at a time.
  private let pageSize: Int
  var store: ServiceStore? { data }

  init(_ identity: Identity, _ store: ServiceStore, pageSize: Int = 500) {
    self.identity = identity
    data = store
    self.pageSize = pageSize
  }

  @Sendable static func tables(_ db: Database) throws {
    try KnownUsers.create(db)
    try KnownTickets.create(db)
    try NotificationList.create(db)
  }

  func add(to routes: RouterGroup<BasicRequestContext>) { NotificationRoutes(data: data).add(to: routes) }

  @WorkerBuilder func handlers() -> [WorkerComponent] {
    // The queue is bound to several exchanges, which the topology does.
    Subscription(identity.queue) {
      KnownUsers.handlers(data.inbox) { user, db in
        try KnownTickets.delete(ofUser: user, in: db)
        try NotificationList.delete(ofUser: user, in: db)
      }
      On(TicketPurchased.self) { event, context in
        try await data.inbox.once(context, "notify") { db in
          try KnownTickets.note(event, in: db)
          try notify(
            event.userId, Texts.purchased(event.eventName, .to("ticket", event.ticketId)), byMail: true, db)
        }
      }
      On(TicketTransferred.self) { event, context in
        try await data.inbox.once(context, "ticket") { db in try KnownTickets.note(event, in: db) }
      }
      On(EventReminder.self) { event, context in try await remind(event, context) }
      On(ListingSold.self) { event, context in
        try await data.inbox.once(context, "notify") { db in
          try notify(event.sellerId, Texts.sold(event), byMail: true, db)
          try notify(
            event.buyerId, Texts.purchased(event.eventName, .to("ticket", event.ticketId)), byMail: true, db)
        }
      }
      On(ConcertRecommended.self) { event, context in
        try await data.inbox.once(context, "notify") { db in
          try notify(event.userId, Texts.recommended(event), byMail: false, db)
        }
      }
      OnAny { message, context in
        let notification = try NotificationReading.notification(message)
        try await data.inbox.once(context, "notify") { db in
          try notify(
            notification.userId,
            Texts(
              kind: notification.type, title: notification.title, message: notification.message,
              relatedId: notification.relatedId, relatedType: notification.relatedType),
            byMail: false, db)
        }
      }
    }
    .codec(BackstageCodec(service: identity.name))
    .timeout(.seconds(600))
  }

  /// Everyone who holds a ticket of the concert, once each, in pages: a crash goes on with the page that was not finished.
  private func remind(_ event: EventReminder, _ context: HandlerContext) async throws {
    var last = 0
    for page in 1... {
      let after = last
      let users = try await data.inbox.once(context, "page \(page)") { db in
        let users = try Int.fetchAll(
          db,
          sql: """
            SELECT DISTINCT userId FROM knownTickets WHERE eventId = ? AND userId > ? ORDER BY userId LIMIT ?
            """, arguments: [event.eventId, after, pageSize])
        for user in users { try notify(user, Texts.reminder(event), byMail: true, db) }
        return users.last
      }
      guard let users else { return }
      last = users
    }
  }

  /// Stores a notification, and the task of its mail. For a user who was deleted there is nothing to do.
  private func notify(_ user: Int, _ texts: Texts, byMail: Bool, _ db: Database) throws {
    let known = try KnownUsers.find(user, in: db)
    if known?.isDeleted == true { return }
    try NotificationList.add(texts, to: user, in: db)
    guard byMail else { return }
    // Its address comes with an event that is on its way.
    guard let known else {
      throw NotKnownYet(answer: APIError(.notFound, "not_found", "the address of the user '\(user)' is not known yet"))
    }
    try data.bus.sendEmail(
      SendEmail(userId: user, to: known.email, name: known.name, subject: texts.title, message: texts.message), in: db)
  }
}

/// What a notification says.
struct Texts: Sendable {
  var kind: String
  var title: String
  var message: String
  var relatedId: Int?
  var relatedType: String?

  init(kind: String, title: String, message: String, relatedId: Int?, relatedType: String?) {
    self.kind = kind
    self.title = title
    self.message = message
    self.relatedId = relatedId
    self.relatedType = relatedType
  }

  private init(_ kind: String, _ title: String, _ message: String, _ related: Related) {
    self.init(kind: kind, title: title, message: message, relatedId: related.id, relatedType: related.type)
  }

  static func purchased(_ concert: String, _ related: Related) -> Texts {
    Texts("ticket_purchase", "Ticket purchased", "You have a ticket for \(concert).", related)
  }
  static func reminder(_ event: EventReminder) -> Texts {
    Texts("event_reminder", "Event reminder", "\(event.eventName) is coming up.", .to("event", event.eventId))
  }
  static func recommended(_ event: ConcertRecommended) -> Texts {
    Texts(
      "concert_recommendations", "A concert for you", "\(event.eventName) may be for you.", .to("event", event.eventId))
  }
  static func sold(_ sale: ListingSold) -> Texts {
    Texts("system", "Listing sold", "Your ticket for \(sale.eventName) was sold.", .to("listing", sale.listingId))
  }
}

/// Reads what other programs, too, put into the queue: an envelope with a notification, or the notification alone.
enum NotificationReading {
  struct Content: Codable {
    var userId: Int
    var type: String
    var title: String
    var message: String
    var relatedId: Int?
    var relatedType: String?
  }
  private struct Envelope: Decodable { var data: Content }

  /// Throws what makes it a dead letter when it is none, or is longer than a notification may be.
  static func notification(_ message: Message) throws -> Content {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let content: Content
    do {
      content =
        try (try? decoder.decode(Envelope.self, from: message.body))?.data
        ?? decoder.decode(Content.self, from: message.body)
    } catch {
      throw Outcome.deadLetter("this is no notification: user_id, type, title and message are needed")
    }
    do {
      _ = try Checked.text(content.type, field: "type", atMost: Limits.name)
      _ = try Checked.text(content.title, field: "title", atMost: Limits.title)
      _ = try Checked.lines(content.message, field: "message", atMost: Limits.content)
    } catch let error as APIError {
      throw Outcome.deadLetter(error.message)
    }
    return content
  }
}
