import Foundation
import GRDB
import Warren
import WarrenGRDB

/// The database of an application, with an outbox and a store.
struct Application {
  let outbox: Outbox
  let store: DatabaseStore
  private let database: DatabasePool

  init(path: String) throws {
    database = try DatabasePool(path: path)
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    try migrator.migrate(database)
    // No exchange of this name is declared, so what goes there fails.
    outbox = Outbox(database, MessageComposer(source: "booking-api", exchange: .topic("nowhere")))
    store = DatabaseStore(database)
  }

  /// Three events that can never be published.
  func seed() async throws {
    try await database.write { [outbox] db in
      for number in 1...3 { try outbox.publish(BookingCreated(bookingID: Int64(number), seats: []), in: db) }
    }
  }
}
