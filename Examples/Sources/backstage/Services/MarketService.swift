internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import HTTPTypes
internal import Hummingbird
internal import Warren
internal import WarrenGRDB

/// Owns the listings: tickets that their owners sell. A listing is sold once, in one transaction.
struct MarketService: ServiceContent {
  struct Listing: Codable, FetchableRecord {
    var listingId: Int
    var ticketId: Int
    var eventId: Int
    var eventName: String
    var sellerId: Int
    var priceCents: Int
    /// `open`, `sold`, or `withdrawn` when its seller has the ticket no more.
    var status: String
    var buyerId: Int?
  }
  private struct NewListing: Decodable {
    var userId: Int
    var ticketId: Int
    var priceCents: Int
  }
  private struct Buyer: Decodable {
    var userId: Int
  }

  private let identity: Identity
  private let data: ServiceStore
  var store: ServiceStore? { data }

  init(_ identity: Identity, _ store: ServiceStore) {
    self.identity = identity
    data = store
  }

  @Sendable static func tables(_ db: Database) throws {
    try KnownUsers.create(db)
    try KnownTickets.create(db)
    try db.execute(
      sql: """
        CREATE TABLE listings (
          listingId INTEGER PRIMARY KEY AUTOINCREMENT, ticketId INTEGER NOT NULL, eventId INTEGER NOT NULL,
          eventName TEXT NOT NULL, sellerId INTEGER NOT NULL, priceCents INTEGER NOT NULL, status TEXT NOT NULL DEFAULT 'open',
          buyerId INTEGER);
        CREATE UNIQUE INDEX openListings ON listings (ticketId) WHERE status = 'open';
        """)
  }

  // MARK: Routes

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("listings") { request, _ in try await create(request) }
    routes.get("listings") { _, _ in
      let listings = try await data.read { db in
        try Listing.fetchAll(
          db, sql: "SELECT * FROM listings WHERE status = 'open' ORDER BY listingId LIMIT ?", arguments: [Limits.list])
      }
      return Response.snake(["listings": listings])
    }
    routes.get("listings/:id") { _, context in
      let id = try context.number(of: "listing")
      return Response.snake(try await data.read { db in try Self.listing(id, db) })
    }
    routes.post("listings/:id/buy") { request, context in try await buy(context.number(of: "listing"), request) }
  }

  private func create(_ request: Request) async throws -> Response {
    let body = try await request.snake(NewListing.self)
    guard Limits.priceCents.contains(body.priceCents) else {
      let limits = "\(Limits.priceCents.lowerBound) to \(Limits.priceCents.upperBound)"
      throw APIError.field("price_cents", "must be \(limits)")
    }
    let listing = try await data.write { db in
      try KnownUsers.require(body.userId, field: "user_id", in: db)
      guard let ticket = try KnownTickets.find(body.ticketId, in: db) else {
        throw NotKnownYet(answer: APIError(.notFound, "not_found", "ticket_id: there is no ticket '\(body.ticketId)'"))
      }
      guard ticket.userId == body.userId else {
        // Perhaps it has just been transferred.
        throw NotKnownYet(
          answer: .forbidden("user_id is not the owner of ticket \(ticket.ticketId): only its owner may sell it"))
      }
      let isListed = try Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM listings WHERE ticketId = ? AND status = 'open')",
        arguments: [ticket.ticketId])
      if isListed == true { throw APIError.conflict("listed_already", "ticket_id is for sale already") }
      try db.execute(
        sql: "INSERT INTO listings (ticketId, eventId, eventName, sellerId, priceCents) VALUES (?, ?, ?, ?, ?)",
        arguments: [ticket.ticketId, ticket.eventId, ticket.eventName, body.userId, body.priceCents])
      let listing = try Self.listing(Int(db.lastInsertedRowID), db)
      try data.bus.publishEvent(
        ListingCreated(
          listingId: listing.listingId, ticketId: listing.ticketId, eventId: listing.eventId,
          eventName: listing.eventName, sellerId: listing.sellerId, priceCents: listing.priceCents),
        about: "ticket-\(listing.ticketId)", in: db)
      return listing
    }
    return .snake(listing, status: .created)
  }

  private func buy(_ id: Int, _ request: Request) async throws -> Response {
    let body = try await request.snake(Buyer.self)
    let listing = try await data.write { db in
      let listing = try Self.listing(id, db)
      try KnownUsers.require(body.userId, field: "user_id", in: db)
      guard listing.status == "open" else {
        throw APIError.conflict("not_for_sale", "listing \(id) is \(listing.status): choose another")
      }
      if listing.sellerId == body.userId { throw APIError.field("user_id", "is the seller: another user can buy it") }
      try db.execute(
        sql: "UPDATE listings SET status = 'sold', buyerId = ? WHERE listingId = ? AND status = 'open'",
        arguments: [body.userId, id])
      // From now on it is the buyer's to sell; the tickets service says so by an event later.
      try db.execute(
        sql: "UPDATE knownTickets SET userId = ? WHERE ticketId = ?", arguments: [body.userId, listing.ticketId])
      try data.bus.publishEvent(
        ListingSold(
          listingId: id, ticketId: listing.ticketId, eventId: listing.eventId, eventName: listing.eventName,
          sellerId: listing.sellerId, buyerId: body.userId, priceCents: listing.priceCents),
        about: "ticket-\(listing.ticketId)", in: db)
      return try Self.listing(id, db)
    }
    return .snake(listing)
  }

  private static func listing(_ id: Int, _ db: Database) throws -> Listing {
    let listing = try Listing.fetchOne(db, sql: "SELECT * FROM listings WHERE listingId = ?", arguments: [id])
    guard let listing else { throw APIError.notFound("listing", "\(id)") }
    return listing
  }

  // MARK: Handlers

  @WorkerBuilder func handlers() -> [WorkerComponent] {
    identity.subscription {
      KnownUsers.handlers(data.inbox) { user, db in
        try KnownTickets.delete(ofUser: user, in: db)
        try db.execute(
          sql: "UPDATE listings SET status = 'withdrawn' WHERE sellerId = ? AND status = 'open'",
          arguments: [user])
      }
      On(TicketPurchased.self) { event, context in
        try await data.inbox.once(context, "ticket") { db in try KnownTickets.note(event, in: db) }
      }
      On(TicketTransferred.self) { event, context in
        try await data.inbox.once(context, "ticket") { db in
          try KnownTickets.note(event, in: db)
          try db.execute(
            sql: "UPDATE listings SET status = 'withdrawn' WHERE ticketId = ? AND sellerId = ? AND status = 'open'",
            arguments: [event.ticketId, event.fromUserId])
        }
      }
    }
  }
}
