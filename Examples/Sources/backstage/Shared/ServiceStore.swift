internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import WarrenGRDB

/// The data of one service, in a file of its own, which no other service opens.
struct ServiceStore: Sendable {
  private let writer: GroupedWriter
  /// Publishes within the service's transactions.
  let bus: BusOutbox
  /// Does each step for an event once.
  let inbox: Inbox

  /// Opens the file `services/SERVICE_NAME.db`, and creates it with `tables` where needed.
  init(_ identity: Identity, data: URL, tables: @escaping @Sendable (Database) throws -> Void) throws {
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    migrator.registerMigration("tables", migrate: tables)
    let database = try ApplicationDatabase.open(
      data.appending(path: "services/\(identity.name).db"), migrator: migrator)
    writer = GroupedWriter(database)
    bus = BusOutbox(database, service: identity.name)
    inbox = Inbox(database)
  }

  /// Runs a transaction. What it misses of another service, because the event is still on its way here, is waited for, for a
  /// few seconds.
  func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
    let end = ContinuousClock.now + .seconds(3)
    while true {
      do { return try await writer.write(body) } catch let error as NotKnownYet {
        if ContinuousClock.now >= end { throw error.answer }
      }
      // Nothing tells when the event has been handled: another process of this service may be the one that handles it.
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Reads one state of the data.
  func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
    try await writer.database.read(body)
  }
}

/// Something that another service owns is not known here, and may be on its way.
struct NotKnownYet: Error, CustomStringConvertible {
  /// What a caller is told when it does not come.
  let answer: APIError
  var description: String { answer.message }
}
