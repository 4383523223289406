import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren

@testable import WarrenSQLite

/// What a row says must be true, and a row that is not stops nothing.
@Suite struct RowTests {
  private func withBroker(_ queues: Queue..., body: @Sendable (SQLiteBroker) async throws -> Void) async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Topology(queues: queues))
      try await body(broker)
    }
  }

  /// `jobs` gives up into two queues: `dead`, which holds dead letters, and `alerts`, which is worked on.
  static func withTwoHolders() throws -> Topology {
    try Topology(
      queues: [
        Queue("jobs", deadLetter: .exchange("dlx", key: "dead")), Queue("alerts"),
      ], bindings: [Binding("alerts", to: "dlx", key: "dead")])
  }

  @Test func aDeadLetterThatAWorkerCompletesLeavesNothingBehind() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Self.withTwoHolders())
      try await broker.put("x", to: "jobs")
      try await broker.park("jobs")
      try await broker.consume("alerts", prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        #expect(try await broker.settle(delivery, as: .complete) == .settled)
      }
      await withKnownIssue { try await expectOrder(broker) }
      _ = try await broker.replay(.init())
      _ = try await broker.replay(.init())
      await withKnownIssue { try await expectOrder(broker) }
    }
  }

  @Test func aMessageParkedInTwoQueuesIsListedCountedAndReplayedOnce() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Self.withTwoHolders())
      try await broker.put("x", to: "jobs")
      try await broker.park("jobs")
      let listed = try await broker.deadLetters(.init()).letters.count
      let report = try await broker.replay(.init())
      let ready = try await broker.status("jobs").ready
      withKnownIssue { #expect((listed, report.replayed, ready) == (1, 1, 1)) }
      #expect(try await broker.deadLetters(.init()).letters.isEmpty)
      // The queue that is worked on keeps its copy.
      let alerts = try await broker.status("alerts").ready
      withKnownIssue { #expect(alerts == 1) }
    }
  }

  @Test func aReplayOfADeadLetterWithoutAMessageMakesNothing() async throws {
    try await withBroker("q") { broker in
      try await broker.put("x", to: "q")
      try await broker.park("q")
      try await broker.execute("DELETE FROM message")
      let report = try await broker.replay(.init())
      withKnownIssue { #expect(report.replayed == 0) }
      let ready = try await broker.status("q").ready
      withKnownIssue { #expect(ready == 0) }
    }
  }

  @Test(arguments: ["ready", "delayed"])
  func aPlaceWithoutAMessageStopsNoQueue(_ table: String) async throws {
    try await withBroker("q") { broker in
      let values = table == "ready" ? "(queue, rank, seq) VALUES (1, 0, 99)" : "(queue, seq, due) VALUES (1, 99, 0)"
      let queue = try await broker.number(of: "q")
      try await broker.execute(
        "INSERT INTO \(table) " + values.replacingOccurrences(of: "(1,", with: "(\(queue),"),
        "UPDATE depth SET \(table) = \(table) + 1 WHERE queue = \(queue)")
      await withKnownIssue {
        try await broker.consume("q", prefetch: 2) { consumer in
          try await broker.put("x", to: "q")
          let delivery = try await consumer.mustNext()
          #expect(try await broker.settle(delivery, as: .complete) == .settled)
        }
        try await expectOrder(broker)
      }
    }
  }

  @Test func aMessageInTwoPlacesStopsNoQueueAndIsHandledOnce() async throws {
    try await withBroker("q") { broker in
      try await broker.put("x", to: "q")
      let queue = try await broker.number(of: "q")
      try await broker.execute(
        "INSERT INTO delayed (seq, queue, due) SELECT seq, queue, 0 FROM message",
        "UPDATE depth SET delayed = delayed + 1 WHERE queue = \(queue)")
      await withKnownIssue {
        try await broker.consume("q", prefetch: 5) { consumer in
          let delivery = try await consumer.mustNext()
          #expect(try await broker.settle(delivery, as: .complete) == .settled)
          try await broker.put("y", to: "q")
          #expect(try await consumer.mustNext().text == "y")
        }
        try await expectOrder(broker)
      }
    }
  }

  @Test func numbersThatWereGivenOutAreNotGivenOutAgain() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("b.db")
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.put("a", "b", "c", to: "q")
      try await broker.execute("UPDATE meta SET next_seq = 1")
    }
    try await SQLiteBroker(path: path).withBroker { broker in
      await withKnownIssue { try await broker.put("d", to: "q") }
    }
  }

  @Test func aRepeatOfAJobThatIsADeadLetterIsKeptOut() async throws {
    try await withBroker("q") { broker in
      let job = Publication(message("x", id: "reminder-7"), to: .queue("q"), unique: .key("reminder-7"))
      _ = try await broker.publish([job])
      try await broker.park("q")
      let again = try await broker.publish([job])[0]
      #expect("\(again)" == "repeated")
      _ = try await broker.replay(.init())
      let ready = try await broker.status("q").ready
      #expect(ready == 1)
    }
  }

  @Test func aTimeToLiveOnAQueueThatHoldsDeadLettersIsRefused() throws {
    var dead = Queue.deadLetters("dead")
    dead.timeToLive = .seconds(10)
    let queue = dead
    withKnownIssue {
      let error = #expect(throws: BrokerError.self) { try Topology(queues: [queue]) }
      #expect(error?.code == .invalid)
    }
  }
}
