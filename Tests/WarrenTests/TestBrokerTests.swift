import Foundation
import Logging
import Synchronization
import Testing
import Warren
import WarrenTesting

private struct Mail: JobMessage {
  static let name: MessageName = "mail"
  static let queue: Queue = "mails"
  static let retry: RetryPolicy = .exponential(from: .seconds(1), retries: 3)
  var to: String
}
private struct Refused: Error {}

/// What WarrenTesting gives a user's tests.
@Suite final class TestBrokerTests: Sendable {
  private let broker: TestBroker
  private let bus: EventBus
  private let handled = Mutex<[(to: String, attempt: Int, interruptions: Int)]>([])

  init() throws {
    broker = try TestBroker()
    bus = EventBus(broker, source: "test")
  }

  private func worker(failing failures: Int = 0) throws -> Worker {
    try Worker(
      broker, name: "test", logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
    ) {
      On(Mail.self) { [self] mail, context in
        handled.withLock { $0.append((mail.to, context.attempt, context.history.interruptions)) }
        if context.attempt <= failures { throw Refused() }
      }
    }
  }

  @Test func aTestWaitsForAJobToBeCompleted() async throws {
    try await broker.working(worker()) { [self] in
      let receipt = try await bus.enqueue(Mail(to: "a"))
      try await broker.completed(receipt.id)
    }
    #expect(handled.withLock { $0.map(\.to) } == ["a"])
    #expect(try broker.published(Mail.self).map(\.to) == ["a"])
  }

  @Test func delaysAndRetriesTakeNoTime() async throws {
    let begin = broker.clock.now
    try await broker.working(worker(failing: 3)) { [self] in
      let receipt = try await bus.enqueue(Mail(to: "a"), after: .seconds(86_400))
      try await broker.runUntilIdle()
      try await broker.completed(receipt.id)
    }
    #expect(handled.withLock { $0.map(\.attempt) } == [1, 2, 3, 4])
    #expect(abs(broker.clock.now.timeIntervalSince(begin) - 86_400 - 1 - 2 - 4) < 0.1)
  }

  @Test func whatGivesUpIsADeadLetter() async throws {
    try await broker.working(worker(failing: 9)) { [self] in
      let receipt = try await bus.enqueue(Mail(to: "a"))
      try await broker.runUntilIdle()
      #expect(try await broker.deadLettered(receipt.id).kind == .exhausted)
    }
  }

  @Test func aLostOutcomeRunsTheHandlerAgain() async throws {
    broker.inject(.outcomeLost(of: "mail"))
    try await broker.working(worker()) { [self] in
      let receipt = try await bus.enqueue(Mail(to: "a"))
      try await broker.completed(receipt.id)
    }
    #expect(handled.withLock { $0.map(\.interruptions) } == [0, 0])
  }

  @Test func aKilledWorkerCountsAnInterruption() async throws {
    broker.inject(.workerKilled(times: 2))
    try await broker.working(worker()) { [self] in
      let receipt = try await bus.enqueue(Mail(to: "a"))
      try await broker.completed(receipt.id)
    }
    #expect(handled.withLock { $0.map(\.interruptions) } == [0, 1, 2])
  }

  @Test func aMessageCanComeTwice() async throws {
    broker.inject(.deliveredTwice("mail"))
    try await broker.working(worker()) { [self] in
      let receipt = try await bus.enqueue(Mail(to: "a"), unique: .key("once"))
      try await broker.completed(receipt.id)
      try await broker.runUntilIdle()
    }
    #expect(handled.withLock { $0.map(\.to) } == ["a", "a"])
  }

  @Test func waitingForWhatDoesNotComeFails() async throws {
    let broker = try TestBroker(patience: .milliseconds(50))
    _ = try await broker.withBroker { broker in
      await #expect(throws: ExpectationFailure.self) { try await broker.completed("none") }
    }
  }
}
