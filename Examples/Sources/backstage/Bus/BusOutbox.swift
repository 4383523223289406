public import GRDB
public import Warren
public import WarrenGRDB

/// The bus inside a transaction: what is published is committed together with the service's own data, or not at all.
public struct BusOutbox: Sendable {
  /// What a relay carries to the broker.
  public let outbox: Outbox
  private let notifications: Outbox

  /// The bus of a service with a database of its own.
  public init(_ database: any DatabaseWriter, service: String) {
    outbox = Outbox(database, BackstageBus.composer(of: service))
    notifications = outbox.on(Layout.notifications)
  }

  /// Publishes an event when the transaction is committed.
  ///
  /// - Parameter subject: what it is about, such as `user-1`: events about the same are published in their order.
  public func publishEvent(_ event: some EventMessage, about subject: String, in db: Database) throws {
    try outbox.publish(event, orderedBy: subject, in: db)
  }

  /// Sends a user a notification when the transaction is committed. Its parameters are those of
  /// ``BackstageBus/sendNotification(to:kind:title:message:related:)``.
  public func sendNotification(
    to user: Int, kind: String, title: String, message: String, related: Related? = nil, in db: Database
  ) throws {
    try notifications.publish(NotificationSent(to: user, kind, title, message, related), in: db)
  }

  /// Puts the task of sending a mail into `email.queue` when the transaction is committed.
  package func sendEmail(_ email: SendEmail, in db: Database) throws { try outbox.enqueue(email, in: db) }
}
