import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenTesting

@testable import WarrenSQLite

/// What is deleted of dead letters can be put back, for a while, and takes no more room than it may.
@Suite struct TrashTests {
  private func withBroker(
    clock: any BrokerClock = SystemClock(), _ body: @Sendable (SQLiteBroker) async throws -> Void
  ) async throws {
    try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await body(broker)
    }
  }

  /// Makes a dead letter of each message.
  private func park(_ broker: SQLiteBroker, _ messages: [Message], unique: Uniqueness? = nil) async throws {
    for message in messages {
      _ = try await broker.publish([Publication(message, to: .queue("q"), unique: unique)])
      try await broker.park("q")
    }
  }

  @Test func whatIsPutBackIsAsItWas() async throws {
    try await withBroker { broker in
      var rich = message("rich", id: "a", priority: .high)
      rich.headers = ["x": "1"]
      rich.correlationID = "chain"
      try await park(broker, [rich, message("other", id: "b")])
      let before = try await broker.deadLetters(.init())
      let queues = try await broker.queues()
      #expect(try await broker.deleteDeadLetters(.init(limit: .max)) == 2)
      #expect(try await broker.deadLetters(.init()).letters.isEmpty)
      let deleted = try await broker.deletedDeadLetters(limit: 10)
      #expect(deleted.map(\.id) == ["b", "a"] && deleted.allSatisfy { $0.queue == "q.dlq" && $0.origin == "q" })
      #expect(deleted.last?.address == before.letters.first?.address)
      #expect(try await broker.restoreDeadLetters(["a", before.letters[1].address ?? ""]).count == 2)
      #expect(try await broker.deadLetters(.init()) == before)
      #expect(try await broker.queues().map(\.ready) == queues.map(\.ready))
      #expect(try await broker.deletedDeadLetters(limit: 10).isEmpty)
      #expect(try await broker.restoreDeadLetters(["a"]).isEmpty, "it is put back once")
      // It can be worked with as before.
      #expect(try await broker.replay(.init(ids: ["a"])).replayed == 1)
      try await broker.consume("q", prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        #expect(delivery.message.headers["x"] == "1" && delivery.message.id == "a")
      }
      #expect(try await broker.diagnose().allSatisfy { $0.severity != .problem })
    }
  }

  @Test func aBulkDeletionCanBeUndone() async throws {
    try await withBroker { broker in
      try await park(broker, (1...3).map { message("m", id: "\($0)") })
      let operation = BulkOperation(
        id: "op", action: .delete, selection: .init(limit: .max), filter: "", actor: "a", runner: "r", started: Date(),
        total: 3)
      try await broker.keep(operation)
      while try await broker.advance("op", runner: "r", atMost: 2).state == .running {}
      #expect(try await broker.restoreDeadLetters(["1", "2", "3"]).count == 3)
      #expect(try await broker.queues().first { $0.name == "q.dlq" }?.ready == 3)
    }
  }

  @Test func aJobThatItsQueueHasAgainStaysDeleted() async throws {
    try await withBroker { broker in
      try await park(broker, [message("first", id: "a")], unique: .key("k"))
      #expect(try await broker.deleteDeadLetters(.init(limit: .max)) == 1)
      let again = Publication(message("second", id: "b"), to: .queue("q"), unique: .key("k"))
      #expect(try await broker.publish([again]).first?.isStored == true)
      #expect(try await broker.restoreDeadLetters(["a"]).isEmpty)
      #expect(try await broker.deletedDeadLetters(limit: 10).count == 1)
      #expect(try await broker.purge("q") == 1)
      #expect(try await broker.restoreDeadLetters(["a"]).count == 1)
      let repeated = try await broker.publish([again]).first
      guard case .repeated = repeated else {
        Issue.record("it keeps repeats out as before, and not \(String(describing: repeated))")
        return
      }
    }
  }

  @Test func afterADayItIsGone() async throws {
    let clock = VirtualClock()
    try await withBroker(clock: clock) { broker in
      try await park(broker, [message("m", id: "a")])
      _ = try await broker.deleteDeadLetters(.init(limit: .max))
      clock.advance(by: Trash.lifetime - .seconds(1))
      await broker.forgetWhatIsOver()
      #expect(try await broker.deletedDeadLetters(limit: 10).count == 1)
      clock.advance(by: .seconds(2))
      #expect(try await broker.deletedDeadLetters(limit: 10).isEmpty)
      await broker.forgetWhatIsOver()
      #expect(try await broker.count("trash") == 0)
    }
  }

  @Test func itTakesNoMoreRoomThanItMay() async throws {
    try await withBroker { broker in
      try await park(broker, (1...4).map { message("m", id: "\($0)") })
      func delete(_ id: MessageID) async throws {
        #expect(try await broker.deleteDeadLetters(.init(ids: [id], limit: .max)) == 1)
      }
      try await delete("1")
      try await delete("2")
      try await broker.execute("UPDATE trash SET number = \(Trash.limit + 1) WHERE number = 2")
      try await delete("3")
      #expect(try await broker.deletedDeadLetters(limit: 10).map(\.id) == ["3", "2"], "by their number")
      try await broker.execute("UPDATE trash SET total = total + \(Trash.byteLimit) WHERE id = '3'")
      try await delete("4")
      #expect(try await broker.deletedDeadLetters(limit: 10).map(\.id) == ["4", "3"], "by their size")
      try await park(broker, [message(String(repeating: "x", count: Trash.bodyLimit + 1), id: "large")])
      try await delete("large")
      #expect(try await broker.count("trash") == 2, "one that is too large is not kept")
    }
  }

  @Test func whatBelongedToAQueueGoesWithIt() async throws {
    try await withBroker { broker in
      try await park(broker, [message("m", id: "a")])
      _ = try await broker.deleteDeadLetters(.init(limit: .max))
      _ = try await broker.deleteQueue("q", withMessages: false)
      #expect(try await broker.count("trash") == 0)
    }
  }
}
