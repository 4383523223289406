internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import HTTPTypes
internal import Hummingbird
internal import Warren
internal import WarrenGRDB

/// Owns the tickets: who has which. It alone decides that, also after a sale on the market.
struct TicketsService: ServiceContent {
  struct Ticket: Codable, FetchableRecord {
    var ticketId: Int
    var eventId: Int
    var eventName: String
    var userId: Int
    /// Counts its owners.
    var version: Int
  }
  private struct Purchase: Decodable {
    var userId: Int
    var eventId: Int
  }
  private struct Transfer: Decodable {
    var userId: Int
    var toUserId: Int
  }
  /// The ticket does not belong to its seller, perhaps because the sale before this one is still on its way.
  struct SellerHasNoTicket: Error, CustomStringConvertible {
    var description: String { "the ticket does not belong to its seller yet, or not any more" }
  }
  /// Sales of a ticket may come in the wrong order: the one before comes within half a minute.
  static let retry = RetryPolicy.exponential(from: .milliseconds(500), retries: 6)

  private let identity: Identity
  private let data: ServiceStore
  var store: ServiceStore? { data }

  init(_ identity: Identity, _ store: ServiceStore) {
    self.identity = identity
    data = store
  }

  @Sendable static func tables(_ db: Database) throws {
    try KnownUsers.create(db)
    try db.execute(
      sql: """
        CREATE TABLE knownConcerts (eventId INTEGER PRIMARY KEY, eventName TEXT NOT NULL, version INTEGER NOT NULL);
        CREATE TABLE tickets (
          ticketId INTEGER PRIMARY KEY AUTOINCREMENT, eventId INTEGER NOT NULL, userId INTEGER NOT NULL,
          version INTEGER NOT NULL DEFAULT 1);
        CREATE INDEX ticketsOfUser ON tickets (userId);
        """)
  }

  // MARK: Routes

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("tickets") { request, _ in try await purchase(request) }
    routes.get("tickets/:id") { _, context in
      let id = try context.number(of: "ticket")
      return Response.snake(try await data.read { db in try Self.required(id, db) })
    }
    routes.post("tickets/:id/transfer") { request, context in
      try await transfer(context.number(of: "ticket"), request)
    }
  }

  private func purchase(_ request: Request) async throws -> Response {
    let body = try await request.snake(Purchase.self)
    let ticket = try await data.write { db in
      try KnownUsers.require(body.userId, field: "user_id", in: db)
      let name = try String.fetchOne(
        db, sql: "SELECT eventName FROM knownConcerts WHERE eventId = ?", arguments: [body.eventId])
      guard let name else {
        throw NotKnownYet(answer: APIError(.notFound, "not_found", "event_id: there is no event '\(body.eventId)'"))
      }
      try db.execute(
        sql: "INSERT INTO tickets (eventId, userId) VALUES (?, ?)", arguments: [body.eventId, body.userId])
      let id = Int(db.lastInsertedRowID)
      try data.bus.publishEvent(
        TicketPurchased(ticketId: id, eventId: body.eventId, eventName: name, userId: body.userId),
        about: "ticket-\(id)", in: db)
      return try Self.required(id, db)
    }
    return .snake(ticket, status: .created)
  }

  private func transfer(_ id: Int, _ request: Request) async throws -> Response {
    let body = try await request.snake(Transfer.self)
    if body.userId == body.toUserId { throw APIError.field("to_user_id", "is the owner already: name another user") }
    let ticket = try await data.write { db in
      let ticket = try Self.required(id, db)
      guard ticket.userId == body.userId else {
        throw APIError.forbidden("user_id is not the owner of ticket \(id): only its owner may transfer it")
      }
      try KnownUsers.require(body.toUserId, field: "to_user_id", in: db)
      return try move(ticket, to: body.toUserId, db)
    }
    return .snake(ticket)
  }

  /// Gives a ticket to another user.
  private func move(_ ticket: Ticket, to user: Int, _ db: Database) throws -> Ticket {
    try db.execute(
      sql: "UPDATE tickets SET userId = ?, version = version + 1 WHERE ticketId = ?",
      arguments: [user, ticket.ticketId])
    try data.bus.publishEvent(
      TicketTransferred(
        ticketId: ticket.ticketId, eventId: ticket.eventId, eventName: ticket.eventName, fromUserId: ticket.userId,
        toUserId: user, version: ticket.version + 1), about: "ticket-\(ticket.ticketId)", in: db)
    return try Self.required(ticket.ticketId, db)
  }

  private static func ticket(_ id: Int, _ db: Database) throws -> Ticket? {
    try Ticket.fetchOne(
      db,
      sql: """
        SELECT ticketId, eventId, eventName, userId, tickets.version FROM tickets JOIN knownConcerts USING (eventId)
        WHERE ticketId = ?
        """, arguments: [id])
  }

  private static func required(_ id: Int, _ db: Database) throws -> Ticket {
    guard let ticket = try ticket(id, db) else { throw APIError.notFound("ticket", "\(id)") }
    return ticket
  }

  // MARK: Handlers

  @WorkerBuilder func handlers() -> [WorkerComponent] {
    identity.subscription {
      KnownUsers.handlers(data.inbox) { user, db in
        try db.execute(sql: "DELETE FROM tickets WHERE userId = ?", arguments: [user])
      }
      On(EventCreated.self) { event, context in
        try await data.inbox.once(context, "concert") { db in
          try Self.note(event.eventId, event.eventName, event.version, db)
        }
      }
      On(EventUpdated.self) { event, context in
        try await data.inbox.once(context, "concert") { db in
          try Self.note(event.eventId, event.eventName, event.version, db)
        }
      }
      On(ListingSold.self) { event, context in
        let isLast = context.isLastAttempt
        try await data.inbox.once(context, "transfer") { db in try handOver(event, isLast: isLast, db) }
      }
    }
    .retry(Self.retry)
  }

  private static func note(_ id: Int, _ name: String, _ version: Int, _ db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO knownConcerts VALUES (?, ?, ?)
        ON CONFLICT (eventId) DO UPDATE SET eventName = excluded.eventName, version = excluded.version
        WHERE excluded.version > version
        """, arguments: [id, name, version])
  }

  /// Gives a sold ticket to its buyer. A seller who has given it away, or was deleted, at the moment of the sale cannot deliver:
  /// then both are told.
  private func handOver(_ sale: ListingSold, isLast: Bool, _ db: Database) throws {
    if let ticket = try Self.ticket(sale.ticketId, db), ticket.userId == sale.sellerId {
      _ = try move(ticket, to: sale.buyerId, db)
      // A buyer who was deleted meanwhile keeps nothing.
      if try KnownUsers.find(sale.buyerId, in: db)?.isDeleted == true {
        try db.execute(sql: "DELETE FROM tickets WHERE ticketId = ?", arguments: [sale.ticketId])
      }
      return
    }
    guard isLast else { throw SellerHasNoTicket() }
    for user in [sale.sellerId, sale.buyerId] {
      try data.bus.sendNotification(
        to: user, kind: "system", title: "Sale not completed",
        message: "The ticket for \(sale.eventName) did not belong to its seller any more when it was sold.",
        related: .to("listing", sale.listingId), in: db)
    }
  }
}
