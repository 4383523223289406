import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenTesting

@testable import WarrenSQLite

/// A key keeps repeats of a job out for as long as the queue has the job, whatever becomes of it meanwhile.
@Suite struct UniqueJobTests {
  private let clock = VirtualClock()
  private let window = Duration.seconds(600)

  private func withBroker(_ topology: Topology, _ body: @Sendable (SQLiteBroker) async throws -> Void) async throws {
    try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
      try await broker.apply(topology)
      try await body(broker)
      try await expectOrder(broker)
    }
  }

  /// `stored` or `repeated`.
  private func enqueue(_ broker: SQLiteBroker) async throws -> String {
    let job = Publication(
      message("job"), to: .queue("jobs"),
      unique: .key("k", for: window))
    return "\(try await broker.publish([job])[0])"
  }

  private func complete(_ broker: SQLiteBroker, in queue: QueueName = "jobs") async throws {
    try await broker.consume(queue, prefetch: 1) { consumer in
      let delivery = try await consumer.mustNext()
      #expect(try await broker.settle(delivery, as: .complete) == .settled)
    }
  }

  /// The key is kept until the window after now is over, and no longer.
  private func expectWindow(_ broker: SQLiteBroker) async throws {
    #expect(try await enqueue(broker) == "repeated")
    clock.advance(by: window - .seconds(1))
    #expect(try await enqueue(broker) == "repeated")
    clock.advance(by: .seconds(2))
    #expect(try await enqueue(broker) == "stored")
  }

  @Test func aReplayedJobKeepsItsKeyAndThenItsWindow() async throws {
    try await withBroker(Topology(queues: ["jobs"])) { broker in
      #expect(try await enqueue(broker) == "stored")
      for _ in 1...2 {
        try await broker.park("jobs")
        // However long the letter lies there: no window is over for a job that was not done.
        clock.advance(by: window * 10)
        await broker.forgetWhatIsOver()
        #expect(try await enqueue(broker) == "repeated")
        #expect(try await broker.replay(.init()).replayed == 1)
        #expect(try await enqueue(broker) == "repeated")
      }
      try await complete(broker)
      try await expectWindow(broker)
    }
  }

  @Test func anEditedJobKeepsItsKeyAndThenItsWindow() async throws {
    try await withBroker(Topology(queues: ["jobs"])) { broker in
      #expect(try await enqueue(broker) == "stored")
      try await broker.park("jobs")
      let id = try #require(try await broker.deadLetters(.init()).letters.first?.message.id)
      try await broker.replace(id, in: nil, with: message("edited"))
      #expect(try await enqueue(broker) == "repeated")
      try await broker.park("jobs")
      #expect(try await enqueue(broker) == "repeated")
      _ = try await broker.replay(.init())
      try await complete(broker)
      try await expectWindow(broker)
    }
  }

  @Test(arguments: ["delete", "purge", "bulk"])
  func whatAPersonTakesAwayFreesItsKeyAtOnce(_ how: String) async throws {
    try await withBroker(Topology(queues: ["jobs"])) { broker in
      #expect(try await enqueue(broker) == "stored")
      switch how {
      case "delete":
        try await broker.park("jobs")
        #expect(try await broker.deleteDeadLetters(.init()) == 1)
      case "bulk":
        try await broker.park("jobs")
        try await broker.keep(
          BulkOperation(
            id: "b", action: .delete, selection: .init(), filter: "", actor: "a", runner: "r", started: clock.now,
            total: 1))
        #expect(try await broker.advance("b", runner: "r", atMost: 10).done == 1)
      default: #expect(try await broker.purge("jobs") == 1)
      }
      #expect(try await enqueue(broker) == "stored")
    }
  }

  /// A dead letter that lies in two queues is one job, and the copy that is worked on is not the job.
  @Test(arguments: ["delete", "replay", "complete"])
  func aJobThatIsParkedInTwoQueuesKeepsOneKey(_ what: String) async throws {
    try await withBroker(RowTests.withTwoHolders()) { broker in
      #expect(try await enqueue(broker) == "stored")
      try await broker.park("jobs")
      #expect(try await enqueue(broker) == "repeated")
      switch what {
      case "delete":
        #expect(try await broker.deleteDeadLetters(.init()) == 1)
        #expect(try await enqueue(broker) == "stored", "the copy in the other queue is a message of that queue")
      case "replay":
        #expect(try await broker.replay(.init()).replayed == 1)
        #expect(try await enqueue(broker) == "repeated")
        try await complete(broker)
        try await expectWindow(broker)
      default:
        try await complete(broker, in: "alerts")
        #expect(try await enqueue(broker) == "repeated")
        #expect(try await broker.deleteDeadLetters(.init()) == 1)
        #expect(try await enqueue(broker) == "stored", "the alert was handled, and not the job")
      }
    }
  }

  @Test func whatExpiresKeepsItsKeyAsADeadLetter() async throws {
    try await withBroker(Topology(queues: [Queue("jobs", timeToLive: .seconds(60))])) { broker in
      #expect(try await enqueue(broker) == "stored")
      clock.advance(by: .seconds(61))
      try await eventually { try await broker.deadLetters(.init()).letters.count == 1 }
      #expect(try await enqueue(broker) == "repeated")
      _ = try await broker.replay(.init())
      try await complete(broker)
      try await expectWindow(broker)
    }
  }
}
