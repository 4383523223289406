package import Foundation
package import Warren

// What is published, by type of event. On the wire the fields are in snake_case: `eventId` is `event_id`.
//
// `version` counts the changes of what the event is about, so that a receiver that gets two of them in the wrong order keeps the
// newer one.

/// A new user registered.
package struct UserCreated: EventMessage, UserFacts {
  package static let name: MessageName = "user.created"
  package var userId: Int
  package var name: String
  package var email: String
  package var version: Int

  package init(userId: Int, name: String, email: String, version: Int = 1) {
    self.userId = userId
    self.name = name
    self.email = email
    self.version = version
  }
}

/// A user changed name or address.
package struct UserUpdated: EventMessage, UserFacts {
  package static let name: MessageName = "user.updated"
  package var userId: Int
  package var name: String
  package var email: String
  package var version: Int

  package init(userId: Int, name: String, email: String, version: Int) {
    self.userId = userId
    self.name = name
    self.email = email
    self.version = version
  }
}

/// What both events say of a user.
package protocol UserFacts {
  var userId: Int { get }
  var name: String { get }
  var email: String { get }
  var version: Int { get }
}

/// A user's account was deleted: every service deletes what it has of that user.
package struct UserDeleted: EventMessage {
  package static let name: MessageName = "user.deleted"
  package var userId: Int

  package init(userId: Int) { self.userId = userId }
}

/// A new concert.
package struct EventCreated: EventMessage {
  package static let name: MessageName = "event.created"
  package var eventId: Int
  package var eventName: String
  package var userId: Int
  package var venue: String?
  package var startsAt: Date?
  package var version: Int

  package init(eventId: Int, eventName: String, userId: Int, venue: String?, startsAt: Date?, version: Int = 1) {
    self.eventId = eventId
    self.eventName = eventName
    self.userId = userId
    self.venue = venue
    self.startsAt = startsAt
    self.version = version
  }
}

/// A concert's details were modified.
package struct EventUpdated: EventMessage {
  package static let name: MessageName = "event.updated"
  package var eventId: Int
  package var eventName: String
  package var userId: Int
  package var venue: String?
  package var startsAt: Date?
  package var version: Int

  package init(eventId: Int, eventName: String, userId: Int, venue: String?, startsAt: Date?, version: Int) {
    self.eventId = eventId
    self.eventName = eventName
    self.userId = userId
    self.venue = venue
    self.startsAt = startsAt
    self.version = version
  }
}

/// Everyone who holds a ticket of a concert is to be reminded of it.
package struct EventReminder: EventMessage {
  package static let name: MessageName = "event.reminder"
  package var eventId: Int
  package var eventName: String

  package init(eventId: Int, eventName: String) {
    self.eventId = eventId
    self.eventName = eventName
  }
}

/// A ticket was bought.
package struct TicketPurchased: EventMessage {
  package static let name: MessageName = "ticket.purchased"
  package var ticketId: Int
  package var eventId: Int
  package var eventName: String
  package var userId: Int

  package init(ticketId: Int, eventId: Int, eventName: String, userId: Int) {
    self.ticketId = ticketId
    self.eventId = eventId
    self.eventName = eventName
    self.userId = userId
  }
}

/// A ticket has another owner.
package struct TicketTransferred: EventMessage {
  package static let name: MessageName = "ticket.transferred"
  package var ticketId: Int
  package var eventId: Int
  package var eventName: String
  package var fromUserId: Int
  package var toUserId: Int
  /// 2 for the first transfer, as the purchase was 1.
  package var version: Int

  package init(ticketId: Int, eventId: Int, eventName: String, fromUserId: Int, toUserId: Int, version: Int) {
    self.ticketId = ticketId
    self.eventId = eventId
    self.eventName = eventName
    self.fromUserId = fromUserId
    self.toUserId = toUserId
    self.version = version
  }
}

/// A ticket is for sale.
package struct ListingCreated: EventMessage {
  package static let name: MessageName = "listing.created"
  package var listingId: Int
  package var ticketId: Int
  package var eventId: Int
  package var eventName: String
  package var sellerId: Int
  package var priceCents: Int

  package init(listingId: Int, ticketId: Int, eventId: Int, eventName: String, sellerId: Int, priceCents: Int) {
    self.listingId = listingId
    self.ticketId = ticketId
    self.eventId = eventId
    self.eventName = eventName
    self.sellerId = sellerId
    self.priceCents = priceCents
  }
}

/// A ticket was sold by its owner to another user.
package struct ListingSold: EventMessage {
  package static let name: MessageName = "listing.sold"
  package var listingId: Int
  package var ticketId: Int
  package var eventId: Int
  package var eventName: String
  package var sellerId: Int
  package var buyerId: Int
  package var priceCents: Int

  package init(
    listingId: Int, ticketId: Int, eventId: Int, eventName: String, sellerId: Int, buyerId: Int, priceCents: Int
  ) {
    self.listingId = listingId
    self.ticketId = ticketId
    self.eventId = eventId
    self.eventName = eventName
    self.sellerId = sellerId
    self.buyerId = buyerId
    self.priceCents = priceCents
  }
}

/// A user wrote a post.
package struct PostCreated: EventMessage {
  package static let name: MessageName = "post.created"
  package var postId: Int
  package var userId: Int
  package var title: String

  package init(postId: Int, userId: Int, title: String) {
    self.postId = postId
    self.userId = userId
    self.title = title
  }
}

/// A user likes a post.
package struct PostLiked: EventMessage {
  package static let name: MessageName = "post.liked"
  package var postId: Int
  package var userId: Int

  package init(postId: Int, userId: Int) {
    self.postId = postId
    self.userId = userId
  }
}

/// A service of recommendations, which is not part of the system, suggests a concert to a user: on the exchange `concerts`.
package struct ConcertRecommended: EventMessage {
  package static let name: MessageName = "concerts.recommended"
  package var userId: Int
  package var eventId: Int
  package var eventName: String
}
