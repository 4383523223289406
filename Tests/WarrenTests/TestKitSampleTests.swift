import Foundation
import Logging
import Synchronization
import Testing
import Warren
import WarrenTesting

private struct SendMail: JobMessage {
  static let name: MessageName = "mail.send"
  static let queue: Queue = "mails"
  static let retry: RetryPolicy = .exponential(from: .seconds(1), retries: 3)
  var to: String
}

private struct Refused: Error {}

/// A mail server that refuses the first few mails.
private final class FakeMailServer: Sendable {
  private let left: Mutex<Int>
  init(refusals: Int) { left = Mutex(refusals) }
  func send(to address: String) throws {
    let isRefused = left.withLock { left in
      left -= 1
      return left >= 0
    }
    if isRefused { throw Refused() }
  }
}

/// The tests that the article of the test kit shows.
@Suite struct TestKitSampleTests {
  private func worker(on broker: TestBroker, _ server: FakeMailServer) throws -> Worker {
    try Worker(broker, name: "mails", logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }) {
      On(SendMail.self) { mail, _ in try server.send(to: mail.to) }
    }
  }

  @Test func aMailThatIsRefusedThreeTimesIsSentAfterSevenSeconds() async throws {
    let broker = try TestBroker()
    let begin = broker.clock.now
    try await broker.working(worker(on: broker, FakeMailServer(refusals: 3))) {
      let receipt = try await EventBus(broker, source: "test").enqueue(SendMail(to: "ann@example.org"))
      #expect(try await broker.reason(of: receipt.id) == nil)
      #expect(broker.clock.now.timeIntervalSince(begin) == 7)
    }
  }

  @Test func aMailThatIsRefusedFourTimesIsADeadLetter() async throws {
    let broker = try TestBroker()
    try await broker.working(worker(on: broker, FakeMailServer(refusals: 4))) {
      let receipt = try await EventBus(broker, source: "test").enqueue(SendMail(to: "ann@example.org"))
      #expect(try await broker.reason(of: receipt.id)?.kind == .exhausted)
    }
  }

  @Test func aKilledWorkerLosesNothing() async throws {
    let broker = try TestBroker()
    broker.inject(.workerKilled(handling: SendMail.name))
    try await broker.working(worker(on: broker, FakeMailServer(refusals: 0))) {
      let receipt = try await EventBus(broker, source: "test").enqueue(SendMail(to: "ann@example.org"))
      #expect(try await broker.reason(of: receipt.id) == nil)
    }
  }
}
