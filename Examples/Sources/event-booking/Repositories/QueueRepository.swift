package import EventBookingModel
internal import GRDB
internal import Warren
internal import WarrenGRDB

/// The queue within a transaction: a job is in it if the transaction is committed, and else is not.
package struct QueueRepository {
  let db: Database
  let outbox: Outbox

  package func add(_ job: BookingConfirmation, id: String) throws {
    try outbox.enqueue(job, id: MessageID(id), in: db)
  }
  package func add(_ job: EventUpdate, id: String) throws {
    try outbox.enqueue(job, id: MessageID(id), in: db)
  }
}
