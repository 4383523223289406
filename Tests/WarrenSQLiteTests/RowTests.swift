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
      try await expectOrder(broker)
      _ = try await broker.replay(.init())
      _ = try await broker.replay(.init())
      try await expectOrder(broker)
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
      #expect((listed, report.replayed, ready) == (1, 1, 1))
      #expect(try await broker.deadLetters(.init()).letters.isEmpty)
      // The queue that is worked on keeps its copy.
      let alerts = try await broker.status("alerts").ready
      #expect(alerts == 1)
    }
  }

  @Test func aReplayOfADeadLetterWithoutAMessageMakesNothing() async throws {
    try await withBroker("q") { broker in
      try await broker.put("x", to: "q")
      try await broker.park("q")
      try await broker.execute("DELETE FROM message")
      let report = try await broker.replay(.init())
      #expect(report.replayed == 0)
      let ready = try await broker.status("q").ready
      #expect(ready == 0)
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
      try await broker.consume("q", prefetch: 2) { consumer in
        try await broker.put("x", to: "q")
        let delivery = try await consumer.mustNext()
        #expect(try await broker.settle(delivery, as: .complete) == .settled)
      }
      try await expectOrder(broker)
    }
  }

  @Test func aMessageInTwoPlacesStopsNoQueueAndIsHandledOnce() async throws {
    try await withBroker("q") { broker in
      try await broker.put("x", to: "q")
      let queue = try await broker.number(of: "q")
      try await broker.execute(
        "INSERT INTO delayed (seq, queue, due) SELECT seq, queue, 0 FROM message",
        "UPDATE depth SET delayed = delayed + 1 WHERE queue = \(queue)")
      try await broker.consume("q", prefetch: 5) { consumer in
        let delivery = try await consumer.mustNext()
        #expect(try await broker.settle(delivery, as: .complete) == .settled)
        try await broker.put("y", to: "q")
        #expect(try await consumer.mustNext().text == "y")
      }
      try await expectOrder(broker)
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
      try await broker.put("d", to: "q")
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
    let error = #expect(throws: BrokerError.self) { try Topology(queues: [queue]) }
    #expect(error?.code == .invalid)
  }

  @Test func rowsThatSayWhatIsNotTrueAreCountedAndRepaired() async throws {
    try await withBroker("q") { broker in
      try await broker.put("a", "b", "c", "d", "e", to: "q")
      let queue = try await broker.number(of: "q")
      #expect(try await broker.diagnose().allSatisfy { $0.fix != .repair })
      try await broker.execute(
        // A message in no place, one in two, one whose worker is gone; places, records and letters without a message.
        "DELETE FROM ready WHERE seq = 1",
        "INSERT INTO delayed (seq, queue, due) VALUES (2, \(queue), 0)",
        "DELETE FROM ready WHERE seq = 3",
        "INSERT INTO running (seq, queue, worker, fence, since, is_suspect) VALUES (3, \(queue), 77, 1, 0, 0)",
        "INSERT INTO ready (queue, rank, seq) VALUES (\(queue), 3, 901)",
        "INSERT INTO delayed (seq, queue, due) VALUES (902, \(queue), 0)",
        "INSERT INTO running (seq, queue, worker, fence, since, is_suspect) VALUES (903, \(queue), 77, 1, 0, 0)",
        "INSERT INTO history (seq, isolation) VALUES (904, 0)",
        """
        INSERT INTO dead_letter (seq, queue, origin, parking, routing_key, reason, detail, at)
        VALUES (905, \(queue), \(queue), 905, '', 'rejected', '', 0)
        """,
        "UPDATE message SET queue = 4711 WHERE seq = 5",
        "UPDATE depth SET ready = 1000")
      let problems = try await broker.diagnose().filter { $0.severity == .problem }
      #expect(problems.count == 11)
      #expect(problems.allSatisfy { $0.fix == .repair })
      #expect(try await broker.repair().count == 11)
      #expect(try await broker.diagnose().allSatisfy { $0.severity != .problem })
      try await expectOrder(broker)
      // No message went.
      #expect(try await broker.count("message") == 5)
      try await broker.consume("q", prefetch: 9) { consumer in
        var texts: [String] = []
        for _ in 0..<4 {
          let delivery = try await consumer.mustNext()
          texts.append(delivery.text)
          #expect(try await broker.settle(delivery, as: .complete) == .settled)
        }
        #expect(texts.sorted() == ["a", "b", "c", "d"])
      }
      #expect(try await broker.status("warren.found.4711").ready == 1)
      try await expectOrder(broker)
    }
  }

  @Test func aRowThatWasSetAsideIsReportedUntilItIsSeenTo() async throws {
    try await withBroker("q") { broker in
      let queue = try await broker.number(of: "q")
      try await broker.execute(
        "INSERT INTO ready (queue, rank, seq) VALUES (\(queue), 0, 99)",
        "UPDATE depth SET ready = 1 WHERE queue = \(queue)")
      try await broker.consume("q", prefetch: 2) { consumer in
        try await broker.put("x", to: "q")
        _ = try await consumer.mustNext()
      }
      let finding = try #require(try await broker.diagnose().first { $0.text.contains("set aside") })
      #expect(finding.fix == .repair)
      #expect(finding.text.contains("'q'"))
      _ = try await broker.repair()
      #expect(try await broker.diagnose().allSatisfy { !$0.text.contains("set aside") })
    }
  }

  @Test func aDeadLetterInAQueueThatIsWorkedOnIsAWorkersToo() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Self.withTwoHolders())
      try await broker.put("x", to: "jobs")
      try await broker.park("jobs")
      // The copy that is worked on gives up as well: that is another dead letter, of another queue.
      try await broker.park("alerts")
      let letters = try await broker.deadLetters(.init()).letters
      #expect(letters.map(\.origin) == ["jobs", "alerts"])
      #expect(letters.map(\.queue) == ["dead", "alerts.dlq"])
      #expect(try await broker.deleteDeadLetters(.init()) == 2)
      try await expectOrder(broker)
      #expect(try await broker.count("message") == 0)
    }
  }
}
