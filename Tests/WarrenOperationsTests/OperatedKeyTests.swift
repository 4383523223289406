import BrokerConformance
import Synchronization
import Testing
import Warren
import WarrenTesting

@testable import WarrenOperations

private struct Index: JobMessage {
  static let name: MessageName = "index"
  static let queue: Queue = "mail"
  var text: String
}

/// On an engine that knows no keys, a store has them: it is told of what an operator deletes.
@Suite("Keys of unique jobs that a store keeps") struct OperatedKeyTests {
  private func running(
    _ body: @Sendable (ScriptedBroker, Operations, _ enqueue: @Sendable () async throws -> String) async throws -> Void
  ) async throws {
    try await ScriptedBroker.running { broker, _ in
      broker.script.withLock { $0.knowsNoKeys = true }
      let bus = EventBus(broker, source: "test", store: broker.base)
      try await body(broker, Operations(broker, store: broker.base)) {
        "\(try await bus.enqueue(Index(text: "a"), unique: .key("k")).result)"
      }
    }
  }

  private func park(_ broker: ScriptedBroker) async throws {
    try await broker.consume("mail", prefetch: 1) { consumer in
      guard let delivery = await consumer.next() else { return }
      _ = try await broker.settle(delivery, as: .deadLetter(DeadLetterReason(.rejected), History()))
    }
  }

  @Test("a dead letter keeps its key until it is deleted") func letter() async throws {
    try await running { broker, operations, enqueue in
      #expect(try await enqueue() == "stored")
      try await park(broker)
      #expect(try await enqueue() == "repeated")
      let survey = try await operations.survey(.init(limit: .max))
      #expect(try await operations.delete(survey).done == 1)
      #expect(try await [enqueue(), enqueue()] == ["stored", "repeated"])
    }
  }

  @Test("dead letters that are purged free their keys, too") func holder() async throws {
    try await running { broker, operations, enqueue in
      #expect(try await enqueue() == "stored")
      try await park(broker)
      #expect(try await operations.purge("mail.dlq") == 1)
      #expect(try await [enqueue(), enqueue()] == ["stored", "repeated"])
    }
  }

  @Test("what waits frees its key when the queue is purged, and what came after that keeps it") func purge()
    async throws
  {
    try await running { broker, operations, enqueue in
      let first = try await enqueue()
      #expect(first == "stored")
      #expect(try await operations.purge("mail") == 1)
      broker.base.advance(by: .seconds(1))
      #expect(try await [enqueue(), enqueue()] == ["stored", "repeated"])
    }
  }

  @Test("what an operator enqueues takes its key, and a repeat is kept out") func enqueued() async throws {
    try await running { broker, operations, enqueue in
      var job = Composition(Index.name)
      job.unique = .key("k")
      #expect(try await operations.enqueue(job, to: "mail", source: "test").result == .stored)
      #expect(try await operations.enqueue(job, to: "mail", source: "test").result == .repeated)
      let result = try await enqueue()
      #expect(result == "repeated")
      #expect(try await broker.ready("mail") == 1)
    }
  }

  @Test("an engine that knows keys is told nothing") func ownKeys() async throws {
    try await ScriptedBroker.running { broker, operations in #expect(operations.operatedKeys == nil) }
  }
}
