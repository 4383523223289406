import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren
import WarrenTesting

@testable import WarrenSQLite

/// What happens when the file cannot be written for a while.
@Suite struct FailureTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func withQueue(
    _ configuration: SQLiteConfiguration = .init(), clock: any BrokerClock = SystemClock(),
    _ body: @Sendable (SQLiteBroker, Consumer) async throws -> Void
  ) async throws {
    let broker = try SQLiteBroker(path: folder.path("b.db"), configuration: configuration, clock: clock)
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.consume("q", prefetch: 10) { try await body(broker, $0) }
    }
    try await expectOrder(broker)
  }

  @Test func aFileThatWasMovedAwayRefusesAndWorksAgainWhenItIsBack() async throws {
    let path = folder.path("b.db")
    let aside = folder.path("aside.db")
    try await withQueue { broker, consumer in
      try await broker.put("first", to: "q")
      let held = try #require(await consumer.next())
      try FileManager.default.moveItem(atPath: path, toPath: aside)
      await expect(.unavailable) { try await broker.put("lost?", to: "q") }
      // It waits for the file.
      async let settled = broker.settle(held, as: .complete)
      await expect(.unavailable) { try await broker.put("lost?", to: "q") }
      try FileManager.default.moveItem(atPath: aside, toPath: path)
      #expect(try await settled == .settled)
      try await broker.put("second", to: "q")
      let next = try #require(await consumer.next())
      #expect(next.message.body == Data("second".utf8))
      #expect(try await broker.settle(next, as: .complete) == .settled)
    }
  }

  @Test func aWorkerCanBeStoppedWhileTheFileIsAway() async throws {
    let path = folder.path("b.db")
    let aside = folder.path("aside.db")
    let broker = try SQLiteBroker(path: path)
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.put("first", to: "q")
      let begun = Log<Bool>()
      let worker = try Worker(broker, name: "w") {
        Subscription(Queue("q").adopted()) {
          OnAny { _, _ in
            try FileManager.default.moveItem(atPath: path, toPath: aside)
            begun.add(true)
          }
        }
      }
      try await within {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await worker.run() }
          _ = try await begun.next()
          group.cancelAll()
          try await group.waitForAll()
        }
      }
      try FileManager.default.moveItem(atPath: aside, toPath: path)
      // What could not be settled is handed out again.
      try await broker.consume("q", prefetch: 1) { consumer in
        let again = try #require(await consumer.next())
        #expect(try await broker.settle(again, as: .complete) == .settled)
      }
    }
    try await expectOrder(broker)
  }

  @Test func aFullDiskRefusesWhatIsNewAndLosesNothing() async throws {
    try await withQueue { broker, consumer in
      try await broker.put("first", to: "q")
      let held = try #require(await consumer.next())
      // SQLite's own bound on the file acts as a full disk does.
      try await broker.file.database.write { database in
        let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        try database.execute(sql: "PRAGMA max_page_count = \(pages)")
      }
      let large = Message(id: .unique(), name: "large", body: Data(repeating: 1, count: 1 << 20))
      await expect(.full) { _ = try await broker.publish([Publication(large, to: .queue("q"))]) }
      #expect(try await broker.status("q").totals?.published == 1)
      #expect(try await broker.settle(held, as: .complete) == .settled)
      try await broker.file.database.write { try $0.execute(sql: "PRAGMA max_page_count = 1000000") }
      #expect(try await broker.publish([Publication(large, to: .queue("q"))])[0].isStored)
      #expect(await consumer.next()?.message == large)
    }
  }

  @Test func aProcessThatHoldsTheFileTooLongMakesPublishersGiveUpAndNoOthers() async throws {
    var configuration = SQLiteConfiguration()
    configuration.livenessInterval = .milliseconds(20)
    let clock = VirtualClock()
    let path = folder.path("b.db")
    try await withQueue(configuration, clock: clock) { broker, consumer in
      try await broker.put("first", to: "q")
      let held = try #require(await consumer.next())
      let lock = try #require(FileLock(path: path + "-lock", create: false))
      lock.lock()
      async let settled = broker.settle(held, as: .complete)
      await turning(clock) { await expect(.deadline) { try await broker.put("late", to: "q") } }
      lock.unlock()
      #expect(try await settled == .settled)
      try await broker.put("in time", to: "q")
      #expect(try await broker.status("q").totals?.published == 2)
    }
  }

  @Test func anotherProgramThatWritesIsWaitedFor() async throws {
    let path = folder.path("b.db")
    try await withQueue { broker, consumer in
      // It knows nothing of Warren's lock, and comes when the broker may be writing.
      var waiting = Configuration()
      waiting.busyMode = .timeout(60)
      let other = try DatabaseQueue(path: path, configuration: waiting)
      let (begun, begin) = AsyncStream<Void>.makeStream()
      let release = DispatchSemaphore(value: 0)
      async let held: Void = other.writeWithoutTransaction { database in
        defer { begin.finish() }
        try database.execute(sql: "BEGIN IMMEDIATE")
        begin.finish()
        release.wait()
        try database.execute(sql: "COMMIT")
      }
      for await _ in begun {}
      async let stored: Void = broker.put("x", to: "q")
      release.signal()
      try await held
      try await stored
      #expect(await consumer.next() != nil)
      try other.close()
    }
  }

  @Test func aRequestThatBreaksItsTransactionFailsAlone() async throws {
    try await withQueue { broker, consumer in
      async let stored: Void = broker.put("a", "b", to: "q")
      await #expect(throws: BrokerError.self) {
        try await broker.writer.perform { try $0.database.execute(sql: "INSERT INTO meta VALUES (1, 1, 1, 1)") }
      }
      try await stored
      for _ in 0..<2 { #expect(await consumer.next() != nil) }
    }
  }

  @Test func publishingWithoutRunningSaysWhatToDo() async throws {
    let clock = VirtualClock()
    let broker = try SQLiteBroker.inMemory(clock: clock)
    async let refused: Void = expect(.notRunning) { try await broker.put("x", to: "q") }
    // It may not sleep yet; then it sleeps from a later time on.
    let turning = Task { while !Task.isCancelled { clock.advance(by: .seconds(11)); await Task.yield() } }
    await refused
    turning.cancel()
    await turning.value
  }

  @Test func afterTheStopEverythingIsRefused() async throws {
    let broker = try SQLiteBroker.inMemory()
    let delivery = try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.put("x", to: "q")
      return try await broker.consume("q", prefetch: 1) { try #require(await $0.next()) }
    }
    await expect(.stopped) { try await broker.put("x", to: "q") }
    await expect(.stopped) { _ = try await broker.settle(delivery, as: .complete) }
    await expect(.stopped) { try await broker.run() }
    #expect(try await broker.status("q").ready == 1)
    #expect(try await broker.workers().isEmpty)
    try await expectOrder(broker)
  }

  @Test func whatIsInvalidOrTooLargeIsRefusedAloneInItsBatch() async throws {
    var configuration = SQLiteConfiguration()
    configuration.largestBody = 10
    try await SQLiteBroker.inMemory(configuration: configuration).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      let results = try await broker.publish([
        Publication(message("a"), to: .queue("q")), Publication(message("much too large"), to: .queue("q")),
        Publication(message("b", id: MessageID(String(repeating: "x", count: 300))), to: .queue("q")),
        Publication(message("c"), to: .queue("none")), Publication(message("d"), to: .exchange("none", "k")),
        Publication(message("e"), to: .queue("q")),
      ])
      let codes = results.map { result -> String in
        switch result.kind {
        case .stored: "stored"
        case .repeated: "repeated"
        case .unroutable: "unroutable"
        case .failed: result.error?.code.rawValue ?? ""
        }
      }
      #expect(codes == ["stored", "too-large", "invalid", "unroutable", "not-found", "stored"])
      #expect(try await broker.publish([]).isEmpty)
    }
  }
}
