public import GRDB
internal import Synchronization
internal import Warren

/// Commits what many tasks write at the same time in one transaction, because the commit is what costs: each waits for the
/// disk once.
///
/// ```swift
/// let writer = GroupedWriter(database)
/// try await writer.write { db in
///   try booking.insert(db)
///   try outbox.publish(BookingCreated(bookingID: booking.id), in: db)
/// }
/// ```
/// Each write is all or nothing by itself: one that throws leaves no trace, and its neighbours are committed. When it
/// returns, it is as durable as a transaction of its own.
public final class GroupedWriter: Sendable {
  private struct Item: Sendable {
    /// Runs the write, and keeps what it returned.
    let run: @Sendable (Database) throws -> Void
    /// The write was rolled back, because of this.
    let undone: @Sendable (any Error) -> Void
    /// After the commit, or with what the commit failed with.
    let finish: @Sendable ((any Error)?) -> Void
  }
  private struct State {
    var waiting: [Item] = []
    var isRunning = false
  }
  private let state = Mutex(State())
  private let limit: Int
  /// The database.
  public let database: any DatabaseWriter

  /// A writer for this database that takes at most `limit` writes into one transaction.
  public init(_ database: any DatabaseWriter, limit: Int = 500) {
    self.database = database
    self.limit = max(1, limit)
  }

  /// Runs `body` in a transaction that others may share, and returns when that is committed.
  ///
  /// What it publishes by an ``Outbox`` carries the correlation and the trace of the calling task.
  public func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
    let kept = Mutex<Result<Value, any Error>?>(nil)
    let box = Box(kept)
    let context = TaskContext()
    return try await withCheckedThrowingContinuation { continuation in
      submit(
        Item(
          run: { db in
            let value = try context.run { try body(db) }
            box.value.withLock { $0 = .success(value) }
          },
          undone: { error in box.value.withLock { $0 = .failure(error) } },
          finish: { failure in
            let result = box.value.withLock { $0 }
            switch (result, failure) {
            case (.failure(let error), _): continuation.resume(throwing: error)
            case (_, let error?): continuation.resume(throwing: error)
            case (.success(let value), nil): continuation.resume(returning: value)
            case (nil, nil): continuation.resume(throwing: CancellationError())
            }
          }))
    }
  }

  private final class Box<Value: Sendable>: Sendable {
    let value: Mutex<Result<Value, any Error>?>
    init(_ value: consuming Mutex<Result<Value, any Error>?>) { self.value = value }
  }

  private func submit(_ item: Item) {
    let starts = state.withLock { state in
      state.waiting.append(item)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if starts { schedule() }
  }

  private func schedule() {
    database.asyncWriteWithoutTransaction { db in
      let items = self.state.withLock { state in
        let items = Array(state.waiting.prefix(self.limit))
        state.waiting.removeFirst(items.count)
        return items
      }
      var failures: [(any Error)?]
      do {
        try Self.commit(items, db)
        failures = items.map { _ in nil }
      } catch let error as DatabaseError where items.count > 1 && error.resultCode == .SQLITE_CONSTRAINT {
        // A constraint that is checked at the commit: only that write must pay for it.
        failures = items.map { item in
          do {
            try Self.commit([item], db)
            return nil
          } catch { return error }
        }
      } catch {
        failures = items.map { _ in error }
      }
      let goesOn = self.state.withLock { state in
        state.isRunning = !state.waiting.isEmpty
        return state.isRunning
      }
      if goesOn { self.schedule() }
      for (item, failure) in zip(items, failures) { item.finish(failure) }
    }
  }

  /// Runs the writes in one transaction, each in a savepoint of its own. What a write throws is kept with it.
  private static func commit(_ items: [Item], _ db: Database) throws {
    try db.inTransaction(.immediate) {
      for item in items {
        do { try attempt(item, db) } catch { item.undone(error) }
        // A full disk, for one, ends the whole transaction.
        if !db.isInsideTransaction {
          throw DatabaseError(resultCode: .SQLITE_ABORT, message: "a write has ended the transaction of all")
        }
      }
      return .commit
    }
  }

  /// Runs a write, and leaves no trace of it if it throws. The statements are compiled once, not for each write.
  private static func attempt(_ item: Item, _ db: Database) throws {
    try db.cachedStatement(sql: "SAVEPOINT warren").execute()
    do {
      try item.run(db)
      try db.cachedStatement(sql: "RELEASE warren").execute()
    } catch {
      if db.isInsideTransaction {
        try db.cachedStatement(sql: "ROLLBACK TO warren").execute()
        try db.cachedStatement(sql: "RELEASE warren").execute()
      }
      throw error
    }
  }
}
