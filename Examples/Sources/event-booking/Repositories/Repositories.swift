internal import ExampleSupport
package import Foundation
internal import GRDB
package import Mail
package import ServiceLifecycle
package import Warren
internal import WarrenGRDB

/// All data, and all access to the queue and to the mail server. Only modules call it.
package struct Repositories: Sendable {
  private let writer: GroupedWriter
  private let outbox: Outbox
  /// The queue, beyond what a transaction puts into it.
  package let jobs: JobRepository
  /// The mails.
  package let mails: MailRepository

  /// Opens the application's own file in a directory, and creates it where needed.
  package init(data: URL, broker: any InspectableBroker, mailer: any Mailer) throws {
    let database = try ApplicationDatabase.open(
      data.appending(path: "event-booking.db"), migrator: Schema.migrator)
    let composer = MessageComposer(source: "event-booking")
    writer = GroupedWriter(database)
    outbox = Outbox(database, composer)
    jobs = JobRepository(broker, composer)
    mails = MailRepository(mailer: mailer, writer: writer)
  }

  /// Carries to the queue what transactions have put into the outbox.
  package func relay(to broker: any Broker) -> any Service { OutboxRelay(outbox, to: broker) }

  /// The outbox itself, to be looked into and put right.
  package var operableOutbox: any OperableOutbox { outbox }

  /// Runs a transaction: all of it is saved, the jobs in it included, or nothing.
  package func write<Value: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws -> Value {
    try await writer.write { [outbox] db in try body(Transaction(db: db, outbox: outbox)) }
  }

  /// Reads one state of the data.
  package func read<Value: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws -> Value {
    try await writer.database.read { [outbox] db in try body(Transaction(db: db, outbox: outbox)) }
  }
}

/// The repositories within one transaction.
package struct Transaction {
  let db: Database
  let outbox: Outbox

  package var users: UserRepository { UserRepository(db: db) }
  package var events: EventRepository { EventRepository(db: db) }
  package var bookings: BookingRepository { BookingRepository(db: db) }
  package var updates: UpdateRepository { UpdateRepository(db: db) }
  package var queue: QueueRepository { QueueRepository(db: db, outbox: outbox) }
}
