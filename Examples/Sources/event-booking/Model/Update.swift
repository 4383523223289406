/// How far the customers of an event have been told of one change.
package struct Update: Codable, Sendable, Equatable {
  /// The id of the `eventUpdate` job.
  package var updateId: String
  package var eventId: String
  /// The last customer whose mail is in the queue; empty before the first. The next one goes on behind it.
  package var lastCustomer: String
  /// How many mails are in the queue.
  package var customers: Int

  package init(updateId: String, eventId: String, lastCustomer: String = "", customers: Int = 0) {
    self.updateId = updateId
    self.eventId = eventId
    self.lastCustomer = lastCustomer
    self.customers = customers
  }
}

/// A customer who has to be told.
package struct Recipient: Codable, Sendable, Equatable {
  package var customerId: String
  package var email: String

  package init(customerId: String, email: String) {
    self.customerId = customerId
    self.email = email
  }
}
