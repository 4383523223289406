import Foundation
import Synchronization
import Testing
import Warren
import WarrenOperations

@Suite("Dead letters") struct DeadLetterTests {
  let broker = FakeBroker()
  var operations: Operations { Operations(broker) }
  let all = DeadLetterSelection(limit: .max)

  private func fill(_ count: Int, origin: QueueName = "mail") {
    for number in 1...count {
      broker.add(.example(MessageID("\(origin)-\(number)"), origin: origin, at: Double(number)))
    }
  }
  private var left: [MessageID] { broker.state.withLock { $0.letters.compactMap(\.letter.message.id) } }

  @Test("a list goes over pages and says whether there is more") func list() async throws {
    fill(1_203)
    let some = try await operations.deadLetters(DeadLetterSelection(limit: 1_100))
    #expect(some.letters.count == 1_100)
    #expect(some.hasMore)
    let whole = try await operations.deadLetters(DeadLetterSelection(limit: 1_203))
    #expect(whole.letters.count == 1_203)
    #expect(!whole.hasMore)
  }

  @Test("a visit goes over pages too, holds one letter at a time, and ends with the first error") func visit()
    async throws
  {
    fill(70)
    var ids: [MessageID?] = []
    let hasMore = try await operations.visitDeadLetters(DeadLetterSelection(limit: 69)) { ids.append($0.id) }
    #expect(hasMore && ids.count == 69 && ids.last == "mail-69")
    // With bodies the pages are small; an engine ends them by their bytes.
    #expect(broker.state.withLock(\.selections).allSatisfy { $0.limit <= 32 })
    struct Enough: Error {}
    var count = 0
    await #expect(throws: Enough.self) {
      try await operations.visitDeadLetters(all) { _ in
        count += 1
        if count == 3 { throw Enough() }
      }
    }
    #expect(count == 3)
  }

  @Test("counting, grouping and replaying read no bodies") func bodies() async throws {
    fill(3)
    let survey = try await operations.survey(all)
    _ = try await operations.groups(all)
    _ = try await operations.replay(survey)
    #expect(broker.state.withLock(\.selections).allSatisfy { !$0.includesBodies })
    #expect(survey.sample.allSatisfy { $0.body == nil })
  }

  @Test("a survey counts, samples and knows what is missing") func survey() async throws {
    fill(8)
    let whole = try await operations.survey(all)
    #expect(whole.count == 8)
    #expect(whole.sample.map(\.id) == ["mail-1", "mail-2", "mail-3", "mail-4", "mail-5"])
    #expect(whole.newest == time(8))
    #expect(try await operations.survey(DeadLetterSelection(limit: 3)).count == 3)
    let some = try await operations.survey(DeadLetterSelection(ids: ["mail-2", "missing"]))
    #expect(some.count == 1)
    #expect(some.missing == ["missing"])
  }

  @Test("a replay goes in batches, with progress") func replay() async throws {
    fill(25)
    let survey = try await operations.survey(all)
    var steps: [Int] = []
    let report = try await operations.replay(survey, batch: 10) { steps.append($0.done) }
    #expect(steps == [10, 20, 25])
    #expect(report.done == 25 && report.isComplete)
    #expect(left.isEmpty)
    #expect(broker.state.withLock(\.replayed).count == 25)
  }

  @Test("those whose queue is gone stay, and do not stop those behind them") func stay() async throws {
    for number in 1...30 {
      broker.add(
        .example(MessageID("\(number)"), origin: number.isMultiple(of: 3) ? "gone" : "mail", at: Double(number)))
    }
    broker.state.withLock { $0.gone = ["gone"] }
    let report = try await operations.replay(try await operations.survey(all), batch: 4)
    #expect(report.done == 20)
    #expect(report.stayed == 10)
    #expect(!report.isComplete)
    #expect(left.count == 10)
  }

  @Test("what is parked meanwhile is left alone, a replayed one that fails again too") func meanwhile() async throws {
    fill(12)
    let survey = try await operations.survey(all)
    broker.state.withLock { state in
      state.meanwhile = { $0.add(.example("late", at: 1_000)) }
    }
    let report = try await operations.replay(survey, batch: 5)
    #expect(report.done == 12)
    #expect(left == ["late", "late", "late"])
  }

  @Test("only the first") func first() async throws {
    fill(9)
    let report = try await operations.replay(try await operations.survey(DeadLetterSelection(limit: 4)), batch: 3)
    #expect(report.done == 4)
    #expect(left.first == "mail-5")
  }

  @Test("an error in the middle is told with what was done") func failure() async throws {
    fill(10)
    broker.state.withLock { $0.stepsUntilFailure = 2 }
    let report = try await operations.replay(try await operations.survey(all), batch: 3)
    #expect(report.done == 6)
    #expect(report.failure?.code == .unavailable)
    #expect(!report.isComplete)
  }

  @Test("deleting by ids") func delete() async throws {
    fill(5)
    let survey = try await operations.survey(DeadLetterSelection(ids: ["mail-2", "mail-4", "missing"]))
    let report = try await operations.delete(survey)
    #expect(report.done == 2)
    #expect(report.missing == ["missing"])
    #expect(left == ["mail-1", "mail-3", "mail-5"])
  }

  @Test("groups go by cause, not by number, id or quotation") func groups() async throws {
    func add(_ id: MessageID, _ message: String, at seconds: Double, error: String = "MailError") {
      let failure = Failure(time: time(seconds), attempt: 4, error: error, message: message, worker: "w")
      broker.add(.example(id, at: seconds, detail: "\(error): \(message)", failures: [failure]))
    }
    add("1", "no mailbox 'ann' after 3.5s", at: 1)
    add("2", "no mailbox 'bob' after 12s", at: 5)
    add("3", "no mailbox 'eve' after 1s", at: 3)
    add("4", "no mailbox 'eve' after 1s", at: 4, error: "OtherError")
    let result = try await operations.groups(all)
    #expect(result.isComplete && result.read == 4)
    #expect(result.groups.map(\.count) == [3, 1])
    let first = try #require(result.groups.first)
    #expect(first.first == time(1) && first.last == time(5) && first.example == "2" && first.error == "MailError")
    let partly = try await operations.groups(DeadLetterSelection(limit: 3))
    #expect(partly.read == 3 && !partly.isComplete)
  }

  @Test("an apostrophe begins no quotation") func apostrophe() async throws {
    broker.add(.example("1", detail: "can't reach host, won't try"))
    broker.add(.example("2", detail: "can't find host, won't try"))
    #expect(try await operations.groups(all).groups.count == 2)
  }

  @Test("one that is not there") func missing() async {
    let error = await #expect(throws: BrokerError.self) { try await operations.deadLetters("missing") }
    #expect(error?.code == .notFound)
  }
}
