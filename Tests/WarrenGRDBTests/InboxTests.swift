import BrokerConformance
import Foundation
import GRDB
import Synchronization
import Testing
import Warren
import WarrenSQLite
import WarrenTesting

@testable import WarrenGRDB

@Suite struct InboxTests {
  private let application: Application
  private let inbox: Inbox
  init() throws {
    application = try Application()
    inbox = Inbox(application.database)
  }

  private func context(_ id: MessageID? = "m-1", queue: QueueName = "q") -> HandlerContext {
    HandlerContext(message: Message(id: id, name: "n", body: Data()), queue: queue)
  }
  private func bookings() async throws -> Int? {
    try await application.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM booking") }
  }
  private func book(_ number: Int, _ db: Database) throws {
    try db.execute(sql: "INSERT INTO booking VALUES (?)", arguments: [number])
  }

  private struct Seat: Codable, Equatable, Sendable {
    var row: Int
    var at: Date
    var note: String?
  }

  @Test func aStepRunsOnceAndReturnsItsValueAgain() async throws {
    let seat = Seat(row: 7, at: Date(), note: nil)
    for _ in 1...3 {
      let context = context()
      let value = try await inbox.once(context, "seat") { db in
        try book(1, db)
        return seat
      }
      #expect(value == seat)
      try await inbox.once(context, "index") { db in try book(2, db) }
      #expect(try await inbox.once(context, "none") { _ in Int?.none } == nil)
    }
    #expect(try await bookings() == 2)
  }

  @Test func whatAStepPublishesBelongsToItsOwnMessage() async throws {
    // At once, so that the steps share a commit, in which the task-local values are those of none of them.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 1...20 {
        group.addTask {
          let context = context(MessageID("m-\(number)"))
          let current = MessageContext(message: context.message, queue: context.queue, attempt: 1)
          try await MessageContext.$current.withValue(current) {
            try await inbox.once(context, "publish") { db in
              try application.outbox.publish(Booked(number: number), id: MessageID("e-\(number)"), in: db)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let rows = try await application.database.read { db in
      try Row.fetchAll(db, sql: "SELECT id, correlation, causation FROM warren_outbox").map {
        [$0["id"], $0["correlation"], $0["causation"]] as [String?]
      }
    }
    #expect(Set(rows) == Set((1...20).map { ["e-\($0)", "m-\($0)", "m-\($0)"] }))
  }

  @Test func messagesQueuesAndStepsAreToldApart() async throws {
    let all = [("m-1", "q", "a"), ("m-1", "q", "b"), ("m-2", "q", "a"), ("m-1", "other", "a")]
    var contexts: [String: HandlerContext] = [:]
    for (number, (id, queue, step)) in all.enumerated() {
      let own = contexts[id + queue] ?? context(MessageID(id), queue: QueueName(queue))
      contexts[id + queue] = own
      try await inbox.once(own, step) { db in try book(number, db) }
    }
    #expect(try await bookings() == 4)
  }

  @Test func anEffectThatFailsLeavesNoTraceAndMayBeTriedAgain() async throws {
    struct Failed: Error {}
    let context = context()
    await #expect(throws: Failed.self) {
      try await inbox.once(context, "a") { db in
        try book(1, db)
        throw Failed()
      }
    }
    #expect(try await bookings() == 0)
    try await inbox.once(context, "a") { db in try book(1, db) }
    #expect(try await bookings() == 1)
  }

  @Test func aNameThatIsUsedTwiceIsAnErrorThatParks() async throws {
    let context = context()
    try await inbox.once(context, "a") { _ in }
    let error = await #expect(throws: InboxError.self) { try await inbox.once(context, "a") { _ in } }
    let inboxError = try #require(error)
    #expect(inboxError.outcome == .deadLetter(inboxError.description))
    #expect(inboxError.description.contains("used twice"))
  }

  @Test(arguments: [
    (["a", "b"], ["b", "a"]), (["a", "b"], ["b"]), (["a", "b"], ["new", "a", "b"]), (["a", "b"], ["a", "new", "b"]),
  ]) func anOrderThatHasChangedIsFoundAndParks(before: [String], after: [String]) async throws {
    let first = context()
    for step in before { try await inbox.once(first, step) { _ in } }
    let second = context()
    let error = await #expect(throws: InboxError.self) {
      for step in after { try await inbox.once(second, step) { db in if step == "new" { try book(1, db) } } }
    }
    #expect(error?.description.contains("have changed") == true)
    #expect(try await bookings() == 0)
  }

  @Test func whatIsAddedAtTheEndOrRemovedThereIsNoChangeOfOrder() async throws {
    let first = context()
    for step in ["a", "b"] { try await inbox.once(first, step) { _ in } }
    let second = context()
    for step in ["a", "b", "c"] { try await inbox.once(second, step) { _ in } }
    let third = context()
    try await inbox.once(third, "a") { _ in }
  }

  @Test func aValueOfAnotherTypeAndAMessageWithoutAnIDAreErrors() async throws {
    try await inbox.once(context(), "a") { _ in 7 }
    await #expect(throws: InboxError.self) { try await inbox.once(context(), "a") { _ in "text" } }
    let error = await #expect(throws: InboxError.self) { try await inbox.once(context(nil), "a") { _ in } }
    #expect(error?.description.contains("has no id") == true)
  }

  @Test func twoWorkersWithOneMessageRunItsEffectOnce() async throws {
    let values = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 1...50 {
        group.addTask {
          try await inbox.once(context(), "a") { db in
            try book(number, db)
            return number
          }
        }
      }
      return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(values.count == 1)
    #expect(try await bookings() == 1)
  }

  @Test func aHandlerGoesOnAfterItsLastFinishedStepInAWorker() async throws {
    struct Down: Error {}
    let tries = Mutex(0)
    let log = Log<Int>()
    let inbox = inbox
    try await SQLiteBroker.inMemory().withBroker { broker in
      let worker = try Worker(broker, name: "w", logger: quiet) {
        On(Remind.self) { job, context in
          let number = try await inbox.once(context, "number") { _ in
            tries.withLock {
              $0 += 1
              return $0
            }
          }
          if context.attempt < 3 { throw Outcome.retry(after: .zero) }
          log.add(number)
        }
      }
      try await broker.apply(worker.topology)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        try await EventBus(broker, source: "s").enqueue(Remind(number: 1))
        #expect(try await log.next() == 1)
        group.cancelAll()
      }
    }
    #expect(tries.withLock { $0 } == 1)
  }

  @Test func whatIsOldIsForgottenInPieces() async throws {
    let clock = VirtualClock()
    let inbox = Inbox(application.database, keeps: .seconds(100), clock: clock)
    for number in 1...5 { try await inbox.once(context(MessageID("old \(number)")), "a") { _ in } }
    clock.advance(by: .seconds(90))
    try await inbox.once(context("young"), "a") { _ in }
    clock.advance(by: .seconds(20))
    #expect(try await inbox.forget(limit: 3) == 3)
    #expect(try await inbox.forget(limit: 3) == 2)
    #expect(try await inbox.forget(limit: 3) == 0)
  }
}

@Suite struct GroupedWriterTests {
  @Test func eachWriteIsAllOrNothingByItself() async throws {
    struct Odd: Error {}
    let application = try Application()
    let writer = GroupedWriter(application.database)
    let commits = Mutex(0)
    try await application.database.write { db in
      db.add(transactionObserver: Commits { commits.withLock { $0 += 1 } }, extent: .databaseLifetime)
    }
    let failed = await withTaskGroup(of: Bool.self) { group in
      for number in 1...200 {
        group.addTask {
          do {
            let doubled = try await writer.write { db in
              try db.execute(sql: "INSERT INTO booking VALUES (?)", arguments: [number])
              if number % 2 == 1 { throw Odd() }
              return number * 2
            }
            return doubled != number * 2
          } catch { return true }
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(failed == 100)
    let kept = try await application.database.read {
      try Int.fetchAll($0, sql: "SELECT number FROM booking ORDER BY 1")
    }
    #expect(kept == (1...100).map { $0 * 2 })
    #expect(commits.withLock { $0 } < 150)
  }

  @Test func aConstraintThatIsCheckedAtTheCommitCostsItsOwnWriteOnly() async throws {
    let application = try Application()
    try await application.database.write { db in
      try db.execute(
        sql: "CREATE TABLE ticket (booking INTEGER REFERENCES booking (number) DEFERRABLE INITIALLY DEFERRED)")
    }
    let writer = GroupedWriter(application.database)
    let failed = await withTaskGroup(of: Int?.self) { group in
      for number in 1...50 {
        group.addTask {
          do {
            try await writer.write { db in
              try db.execute(sql: "INSERT INTO ticket VALUES (?)", arguments: [number])
              if number % 10 != 0 { try db.execute(sql: "INSERT INTO booking VALUES (?)", arguments: [number]) }
            }
            return nil
          } catch { return number }
        }
      }
      return await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
    }
    #expect(failed == [10, 20, 30, 40, 50])
    let kept = try await application.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM ticket") }
    #expect(kept == 45)
  }

  @Test func aCommitThatFailsFailsAllOfThem() async throws {
    let application = try Application(inFile: true)
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let other = try DatabaseQueue(path: application.path, configuration: configuration)
    let writer = GroupedWriter(application.database)
    try await other.writeWithoutTransaction { db in try db.execute(sql: "BEGIN EXCLUSIVE") }
    for _ in 1...2 {
      await #expect(throws: DatabaseError.self) { try await writer.write { _ in } }
    }
    try await other.writeWithoutTransaction { db in try db.execute(sql: "ROLLBACK") }
    try await writer.write { db in try db.execute(sql: "INSERT INTO booking VALUES (1)") }
  }
}

private final class Commits: TransactionObserver {
  let action: @Sendable () -> Void
  init(_ action: @escaping @Sendable () -> Void) { self.action = action }
  func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { true }
  func databaseDidChange(with event: DatabaseEvent) {}
  func databaseDidCommit(_ db: Database) { action() }
  func databaseDidRollback(_ db: Database) {}
}
