import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenTesting

@testable import WarrenOperations

@Suite("Bulk operations") struct BulkTests {
  /// A broker with dead letters `1` to `count` of the queue `mail`, parked a second apart.
  private func with(
    _ count: Int, _ body: @Sendable (TestBroker, Operations) async throws -> Void
  ) async throws {
    let broker = try TestBroker(clock: VirtualClock(now: time(0)))
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: ["mail"]))
      for number in 1...count { try await Self.park("\(number)", broker) }
      try await body(broker, Operations(broker, actor: "ann"))
    }
  }

  private static func park(_ id: String, _ broker: TestBroker) async throws {
    broker.virtualClock.advance(by: .seconds(1))
    let message = Message(id: MessageID(id), name: "email.send", body: Data("{}".utf8))
    _ = try await broker.publish([Publication(message, to: .queue("mail"))])
    try await broker.consume("mail", prefetch: 1) { consumer in
      guard let delivery = await consumer.next() else { return }
      _ = try await broker.settle(delivery, as: .deadLetter(DeadLetterReason(.exhausted, "x"), History(attempts: 1)))
    }
  }

  private func left(_ broker: TestBroker) async throws -> [String] {
    try await broker.deadLetters(DeadLetterSelection(limit: .max)).letters.map { $0.message.id?.rawValue ?? "" }
  }

  private func operation(_ total: Int, _ action: BulkOperation.Action = .replay) -> BulkOperation {
    BulkOperation(
      id: "op", action: action, selection: DeadLetterSelection(limit: .max), filter: "", actor: "ann", runner: "a",
      started: time(0), total: total)
  }

  @Test("a replay is an operation that is kept, and in the audit log before it acts and after") func kept() async throws
  {
    try await with(7) { broker, operations in
      let selection = DeadLetterSelection(filter: try operations.filter("-id:3"), limit: 5)
      var steps: [Int] = []
      let report = try await operations.replay(try await operations.survey(selection), batch: 2) {
        steps.append($0.done)
      }
      #expect(report.done == 5 && report.isComplete && report.matched == 5)
      #expect(steps == [0, 2, 4, 5])
      #expect(try await left(broker) == ["3", "7"])
      let kept = try await operations.bulkOperations()
      #expect(kept.count == 1 && kept.first == report.operation)
      #expect(kept.first?.state == .done && kept.first?.actor == "ann" && kept.first?.left == 0)
      #expect(kept.first?.filter.hasPrefix("-id=3 time<=") == true, "\(kept)")
      let log = try await operations.audit()
      #expect(log.map(\.stage) == [.begins, .done])
      #expect(log.map(\.count) == [5, 5] && log.allSatisfy { $0.actor == "ann" && $0.action == "dead.replay" })
      #expect(log.allSatisfy { $0.operation == kept.first?.id && $0.filter == kept.first?.filter })
    }
  }

  @Test("what was broken off is resumed where it was; what came later is left alone") func resumed() async throws {
    try await with(10) { broker, operations in
      try await broker.keep(operation(10))
      let broken = try await broker.advance("op", runner: "a", atMost: 4)
      #expect(broken.done == 4 && broken.left == 6 && broken.state == .running)
      // The worker takes the first that was replayed, which gives up once more.
      try await Self.park("late", broker)
      let resumed = try await operations.resume("op")
      #expect(resumed.done == 10 && resumed.state == .done && resumed.skipped.total == 0)
      #expect(try await left(broker) == ["1"])
      #expect(try await broker.queue("mail")?.ready == 10)
      await #expect { _ = try await operations.resume("op") } throws: { ($0 as? BrokerError)?.code == .invalid }
      await #expect { _ = try await operations.resume("none") } throws: { ($0 as? BrokerError)?.code == .notFound }
    }
  }

  @Test("one runner at a time: who took it over goes on, and the other stops") func takenOver() async throws {
    try await with(5) { broker, _ in
      try await broker.keep(operation(5, .delete))
      _ = try await broker.advance("op", runner: "a", atMost: 1)
      #expect(try await broker.takeOver("op", runner: "b").done == 1)
      await #expect { _ = try await broker.advance("op", runner: "a", atMost: 1) } throws: { error in
        (error as? BrokerError)?.code == .unavailable && "\(error)".contains("'b'")
      }
      #expect(try await broker.advance("op", runner: "b", atMost: 9).done == 5)
      #expect(try await left(broker).isEmpty)
    }
  }

  @Test("it is cancelled between two steps") func cancelled() async throws {
    try await with(5) { broker, operations in
      try await broker.keep(operation(5))
      _ = try await broker.advance("op", runner: "a", atMost: 2)
      #expect(try await operations.cancelOperation("op").state == .cancelled)
      let after = try await broker.advance("op", runner: "a", atMost: 2)
      #expect(after.state == .cancelled && after.done == 2)
      #expect(try await left(broker) == ["3", "4", "5"])
      await #expect(throws: BrokerError.self) { _ = try await operations.cancelOperation("op") }
    }
  }

  @Test("what was skipped is counted by its reason") func skipped() async throws {
    try await with(6) { broker, operations in
      try await broker.keep(operation(6))
      _ = try await broker.deleteDeadLetters(DeadLetterSelection(ids: ["2", "3"], limit: .max))
      // A worker that works on dead letters holds one of them.
      try await broker.consume("mail.dlq", prefetch: 1) { consumer in
        guard let held = await consumer.next() else { return }
        #expect(held.message.id == "1")
        let done = try await operations.resume("op")
        #expect(done.done == 3 && done.skipped.gone == 2 && done.skipped.held == 1 && done.skipped.unreachable == 0)
        #expect(done.state == .done && done.left == 0)
      }
      #expect(try await left(broker) == ["1"])
    }
  }

  @Test("a rate is kept on average, and steps are small enough to be seen") func pace() {
    var pace = Pace(rate: 50, start: .zero)
    #expect(pace.step(atMost: 500) == 10)
    #expect(pace.pause(after: 10, now: .zero) == .milliseconds(200))
    #expect(pace.pause(after: 10, now: .milliseconds(300)) == .milliseconds(100))
    #expect(Pace(rate: 0.5, start: .zero).step(atMost: 500) == 1)
    #expect(Pace(rate: 1e12, start: .zero).step(atMost: 500) == 500)
    var free = Pace(rate: nil, start: .zero)
    #expect(free.step(atMost: 500) == 500 && free.pause(after: 500, now: .zero) == nil)
  }

  @Test("what cannot be written to the audit log is not done") func auditFirst() async throws {
    struct FullLog: AuditLog {
      func record(_ entry: AuditEntry) async throws(BrokerError) { throw BrokerError(.readOnly, "no room") }
      func audit(after number: Int64, limit: Int) async throws(BrokerError) -> [AuditEntry] { [] }
      func newestAudit(limit: Int) async throws(BrokerError) -> [AuditEntry] { [] }
    }
    try await with(2) { broker, _ in
      let operations = Operations(broker, audit: FullLog())
      let survey = try await operations.survey(DeadLetterSelection(limit: .max))
      await #expect(throws: BrokerError.self) { try await operations.pause("mail") }
      await #expect(throws: BrokerError.self) { _ = try await operations.purge("mail") }
      await #expect(throws: BrokerError.self) { _ = try await operations.replay(survey) }
      await #expect(throws: BrokerError.self) {
        _ = try await operations.enqueue(Composition("email.send"), to: "mail", source: "t")
      }
      #expect(try await broker.queue("mail")?.isPaused == false)
      #expect(try await left(broker).count == 2)
      #expect(try await operations.bulkOperations().isEmpty)
    }
  }

  @Test("an action that fails is in the log, with the reason") func failed() async throws {
    try await with(1) { _, operations in
      let acting = operations.acting(as: "bob")
      await #expect(throws: BrokerError.self) { try await acting.pause("nowhere") }
      try await acting.pause("mail")
      let log = try await operations.audit()
      #expect(log.map(\.stage) == [.begins, .failed, .begins, .done])
      #expect(log.map(\.number) == [1, 2, 3, 4] && log.allSatisfy { $0.actor == "bob" })
      #expect(log[1].note?.contains("nowhere") == true)
      #expect(try await operations.audit(after: 2, limit: 1).map(\.number) == [3])
    }
  }

  @Test("a log in a file: entries are lines, and a line that was torn is left out") func file() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("warren-audit-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("deep/audit.jsonl").path
    let log = AuditFile(path: path)
    #expect(try await log.audit(after: 0, limit: 10).isEmpty)
    let entry = AuditEntry(time: time(0), actor: "ann", action: "queue.pause", stage: .begins, queue: "mail")
    try await log.record(entry)
    let end = try #require(FileHandle(forWritingAtPath: path))
    try end.seekToEnd()
    try end.write(contentsOf: Data("{\"time\":\n".utf8))
    try end.close()
    try await AuditFile(path: path).record(entry)
    let read = try await log.audit(after: 0, limit: 10)
    #expect(read.map(\.number) == [1, 3] && read.allSatisfy { $0.actor == "ann" && $0.time == time(0) })
    #expect(try await log.audit(after: 1, limit: 10).map(\.number) == [3])
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    await #expect(throws: BrokerError.self) { try await AuditFile(path: "/dev/null/audit").record(entry) }
  }

  @Test("an engine that keeps no operations says what happens instead") func unsupported() async throws {
    try await ScriptedBroker.running { broker, operations in
      for number in 1...3 { try await broker.add("\(number)", at: Double(number)) }
      await #expect { _ = try await operations.bulkOperations() } throws: { error in
        (error as? BrokerError)?.code == .unsupported && "\(error)".contains("do the same again")
      }
      let report = try await operations.replay(try await operations.survey(DeadLetterSelection(limit: .max)), batch: 1)
      #expect(report.done == 3 && report.operation == nil && report.held == nil)
    }
  }
}
