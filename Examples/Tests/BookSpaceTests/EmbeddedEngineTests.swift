import Foundation
import Logging
import Testing
import Warren
import WarrenGRDB
import WarrenSQLite

@testable import bookspace

/// Time that passes fifty times as fast: the seconds between retries are soon over, and still in proportion.
private struct QuickClock: BrokerClock {
  private let begin = Date.now
  private static let factor = 50.0

  var now: Date { begin + Date.now.timeIntervalSince(begin) * Self.factor }

  func sleep(until time: Date) async throws {
    while now < time {
      try await Task.sleep(for: .seconds(min(time.timeIntervalSince(now) / Self.factor, 1)), tolerance: .zero)
    }
    try Task.checkCancellation()
  }
}

@Suite struct EmbeddedEngineTests {
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test(.timeLimit(.minutes(1))) func whatFailsFourTimesIsADeadLetterAndIsHandledOnceItIsCorrectedAndReplayed()
    async throws
  {
    let data = FileManager.default.temporaryDirectory.appending(path: "bookspace-\(UUID())")
    defer { try? FileManager.default.removeItem(at: data) }
    let store = try Store(file: data.appending(path: "bookspace.db"))
    let fault = data.appending(path: "fail.document.created")
    try Data().write(to: fault)

    let clock = QuickClock()
    let broker = try SQLiteBroker(path: data.appending(path: "broker.db").path, clock: clock, logger: logger)
    try await broker.withBroker { broker in
      try await broker.apply(Layout.topology())
      var options = Worker.Options()
      options.clock = clock
      let handlers = EventHandlers(store: store, faults: Faults(directory: data, environment: [:]))
      let worker = try handlers.worker(on: broker, options: options, logger: logger)

      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        group.addTask { try await store.relay(to: broker, engine: "SQLite", logger: logger).run() }
        let now = Date.now
        try await store.insert(
          Document(
            documentId: "d", title: "API Guide", content: "REST", tags: [], createdBy: "user123", createdAt: now,
            updatedAt: now))

        var letters: [DeadLetter] = []
        while letters.isEmpty {
          letters = try await broker.deadLetters(DeadLetterSelection()).letters
          await Task.yield()
        }
        let letter = letters[0]
        #expect(letter.queue == "bookspace.events.dlq")
        #expect(letter.origin == "bookspace.notifications")
        #expect(letter.reason.kind == .exhausted)
        #expect(letter.history.attempts == 4)
        let times = letter.history.failures.map(\.time)
        let pauses = zip(times, times.dropFirst()).map { $1.timeIntervalSince($0) }
        #expect(zip(pauses, [1, 2, 4]).allSatisfy { $0 >= $1 - 0.001 }, "\(pauses)")
        #expect(try await store.search("guide", limit: 10).isEmpty)

        try FileManager.default.removeItem(at: fault)
        let report = try await broker.replay(DeadLetterSelection(ids: [letter.message.id].compactMap(\.self)))
        #expect(report == ReplayReport(replayed: 1, stayed: 0))
        while try await store.counts().isEmpty { await Task.yield() }
        #expect(try await store.search("guide", limit: 10).map(\.documentId) == ["d"])
        #expect(try await store.notifications(of: "user123").count == 1)
        group.cancelAll()
      }
    }
  }

  /// The lock by which processes take turns at writing the broker's file: who holds it lets nothing be published.
  @Test(.timeLimit(.minutes(1))) func aDocumentIsSavedWhileTheBrokersFileIsLockedAndItsEventComes() async throws {
    let data = FileManager.default.temporaryDirectory.appending(path: "bookspace-\(UUID())")
    defer { try? FileManager.default.removeItem(at: data) }
    let store = try Store(file: data.appending(path: "bookspace.db"))
    let path = data.appending(path: "broker.db").path
    try await SQLiteBroker(path: path, logger: logger).withBroker { broker in
      try await broker.apply(Layout.topology())
      let handlers = EventHandlers(store: store, faults: Faults(directory: data, environment: [:]))
      let worker = try handlers.worker(on: broker, logger: logger)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        group.addTask { try await store.relay(to: broker, engine: "SQLite", logger: logger).run() }
        let lock = open(path + "-lock", O_RDWR)
        while flock(lock, LOCK_EX) != 0 {}
        let begin = ContinuousClock.now
        for number in 1...3 {
          try await store.insert(
            Document(
              documentId: "d\(number)", title: "API Guide", content: "REST", tags: [], createdBy: "user123",
              createdAt: .now, updatedAt: .now))
        }
        #expect(begin.duration(to: .now) < .seconds(5))
        #expect(try await store.outbox.status().waiting == 3)
        #expect(try await store.notifications(of: "user123").isEmpty)
        close(lock)
        while try await store.notifications(of: "user123").count < 3 { try await Task.sleep(for: .milliseconds(5)) }
        while try await store.outbox.status().waiting > 0 { try await Task.sleep(for: .milliseconds(5)) }
        group.cancelAll()
      }
    }
  }
}
