import BrokerConformance
import Foundation
import Synchronization
import Testing
import Warren
import WarrenOperations
import WarrenTesting

@Suite("Dead letters") struct DeadLetterTests {
  private let all = DeadLetterSelection(limit: .max)

  /// Runs `body` with dead letters `ORIGIN-1` to `ORIGIN-COUNT`, parked a second apart.
  private func with(
    _ count: Int, _ body: @Sendable (ScriptedBroker, Operations) async throws -> Void
  ) async throws {
    try await ScriptedBroker.running { broker, operations in
      for number in 1...count { try await broker.add(MessageID("mail-\(number)"), at: Double(number)) }
      try await body(broker, operations)
    }
  }

  @Test("a list goes over pages and says whether there are more") func list() async throws {
    try await with(70) { broker, operations in
      let some = try await operations.deadLetters(DeadLetterSelection(limit: 69))
      #expect(some.letters.count == 69)
      #expect(some.hasMore)
      let whole = try await operations.deadLetters(DeadLetterSelection(limit: 70))
      #expect(whole.letters.count == 70)
      #expect(!whole.hasMore)
      // With bodies the pages are small; an engine ends them by their bytes.
      #expect(broker.script.withLock(\.selections).allSatisfy { $0.limit <= 32 })
    }
  }

  @Test("a visit holds one letter at a time, and ends with the first error") func visit() async throws {
    struct Enough: Error {}
    try await with(70) { _, operations in
      var ids: [MessageID?] = []
      let hasMore = try await operations.visitDeadLetters(DeadLetterSelection(limit: 69)) { ids.append($0.id) }
      #expect(hasMore && ids.count == 69 && ids.last == "mail-69")
      var count = 0
      await #expect(throws: Enough.self) {
        try await operations.visitDeadLetters(DeadLetterSelection(limit: .max)) { _ in
          count += 1
          if count == 3 { throw Enough() }
        }
      }
      #expect(count == 3)
    }
  }

  @Test("counting, grouping and replaying read no bodies") func bodies() async throws {
    try await with(3) { [all] broker, operations in
      let survey = try await operations.survey(all)
      _ = try await operations.groups(all)
      _ = try await operations.replay(survey)
      #expect(broker.script.withLock(\.selections).allSatisfy { !$0.includesBodies })
      #expect(survey.sample.allSatisfy { $0.body == nil })
    }
  }

  @Test("a survey counts, samples and knows what is missing") func survey() async throws {
    try await with(8) { [all] _, operations in
      let whole = try await operations.survey(all)
      #expect(whole.count == 8)
      #expect(whole.sample.map(\.id) == ["mail-1", "mail-2", "mail-3", "mail-4", "mail-5"])
      #expect(whole.newest == time(8))
      #expect(try await operations.survey(DeadLetterSelection(limit: 3)).count == 3)
      let some = try await operations.survey(DeadLetterSelection(ids: ["mail-2", "missing", "missing"]))
      #expect(some.count == 1)
      #expect(some.missing == ["missing"])
    }
  }

  @Test("a replay goes in batches, with progress") func replay() async throws {
    try await with(25) { [all] broker, operations in
      let survey = try await operations.survey(all)
      var steps: [Int] = []
      let report = try await operations.replay(survey, batch: 10) { steps.append($0.done) }
      #expect(steps == [10, 20, 25])
      #expect(report.done == 25 && report.isComplete)
      #expect(try await broker.left.isEmpty)
      #expect(try await broker.ready("mail") == 25)
    }
  }

  @Test("those whose queue is gone stay, and do not stop those behind them") func stay() async throws {
    try await ScriptedBroker.running(["mail", "gone"]) { [all] broker, operations in
      for number in 1...30 {
        try await broker.add(
          MessageID("\(number)"), origin: number.isMultiple(of: 3) ? "gone" : "mail", at: Double(number))
      }
      broker.script.withLock { $0.gone = ["gone"] }
      let report = try await operations.replay(try await operations.survey(all), batch: 4)
      #expect(report.done == 20)
      #expect(report.stayed == 10)
      #expect(!report.isComplete)
      #expect(try await broker.left.count == 10)
    }
  }

  @Test("what is parked meanwhile is left alone, a replayed one that fails again too") func meanwhile() async throws {
    try await with(12) { [all] broker, operations in
      let survey = try await operations.survey(all)
      let late = Mutex(0)
      broker.script.withLock { script in
        script.meanwhile = { broker in
          let number = late.withLock { late in
            late += 1
            return late
          }
          try await broker.add(MessageID("late-\(number)"), origin: "mail", at: 1_000)
        }
      }
      let report = try await operations.replay(survey, batch: 5)
      #expect(report.done == 12)
      #expect(try await broker.left.count == 3)
    }
  }

  @Test("only the first") func first() async throws {
    try await with(9) { broker, operations in
      let survey = try await operations.survey(DeadLetterSelection(limit: 4))
      let report = try await operations.replay(survey, batch: 3)
      #expect(report.done == 4)
      #expect(try await broker.left.first == "mail-5")
    }
  }

  @Test("an error in the middle is told with what was done") func failure() async throws {
    try await with(10) { [all] broker, operations in
      broker.script.withLock { $0.stepsUntilFailure = 2 }
      let report = try await operations.replay(try await operations.survey(all), batch: 3)
      #expect(report.done == 6)
      #expect(report.failure?.code == .unavailable)
      #expect(!report.isComplete)
    }
  }

  @Test("deleting by ids") func delete() async throws {
    try await with(5) { broker, operations in
      let survey = try await operations.survey(DeadLetterSelection(ids: ["mail-2", "mail-4", "missing"]))
      let report = try await operations.delete(survey)
      #expect(report.done == 2)
      #expect(report.missing == ["missing"])
      #expect(try await broker.left == ["mail-1", "mail-3", "mail-5"])
    }
  }

  @Test("groups go by cause, not by number, id or quotation") func groups() async throws {
    try await ScriptedBroker.running { [all] broker, operations in
      for (id, message, seconds, error) in [
        ("1", "no mailbox 'ann' after 3.5s", 1.0, "MailError"), ("3", "no mailbox 'eve' after 1s", 3, "MailError"),
        ("4", "no mailbox 'eve' after 1s", 4, "OtherError"), ("2", "no mailbox 'bob' after 12s", 5, "MailError"),
      ] {
        let failure = Failure(time: time(seconds), attempt: 4, error: error, message: message, worker: "w")
        try await broker.add(
          MessageID(id), at: seconds, detail: "\(error): \(message)", failures: [failure])
      }
      let result = try await operations.groups(all)
      #expect(result.isComplete && result.read == 4)
      #expect(result.groups.map(\.count) == [3, 1])
      let first = try #require(result.groups.first)
      #expect(first.first == time(1) && first.last == time(5) && first.example == "2" && first.error == "MailError")
      let partly = try await operations.groups(DeadLetterSelection(limit: 3))
      #expect(partly.read == 3 && !partly.isComplete)
    }
  }

  @Test("an apostrophe begins no quotation") func apostrophe() async throws {
    try await ScriptedBroker.running { [all] broker, operations in
      try await broker.add("1", detail: "can't reach host, won't try")
      try await broker.add("2", detail: "can't find host, won't try")
      #expect(try await operations.groups(all).groups.count == 2)
    }
  }

  @Test("one that is not there") func missing() async throws {
    try await ScriptedBroker.running { _, operations in
      let error = await #expect(throws: BrokerError.self) { try await operations.deadLetters("missing") }
      #expect(error?.code == .notFound)
    }
  }
}
