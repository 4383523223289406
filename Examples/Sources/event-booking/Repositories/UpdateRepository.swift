package import EventBookingModel
internal import GRDB

/// How far customers have been told of changes.
package struct UpdateRepository {
  let db: Database

  package func find(_ id: String) throws -> Update? { try Update.fetchOne(db, key: id) }
  package func save(_ update: Update) throws { try update.save(db) }
}
