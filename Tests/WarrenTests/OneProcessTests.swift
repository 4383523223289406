import BrokerConformance
import Synchronization
import Testing
import WarrenTesting

@testable import Warren

/// An engine whose locks answer as a test says, one answer for each try, and are free after that.
private final class Locked: ForwardingBroker, LockingBroker {
  let base: TestBroker
  let answers: Mutex<[BrokerError.Code]>
  init(_ base: TestBroker, _ answers: [BrokerError.Code]) {
    self.base = base
    self.answers = Mutex(answers)
  }

  func withLock<Result: Sendable>(
    _ name: LockName, wait: Duration?, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    if let code = answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw BrokerError(code, "no lock") }
    return try await base.withLock(name, wait: wait, body)
  }
}

@Suite struct OneProcessTests {
  /// How often the body ran, and which answers of the lock were not asked for.
  private func run(_ answers: [BrokerError.Code]) async throws -> (Int, [BrokerError.Code]) {
    let broker = Locked(try TestBroker(), answers)
    let count = Mutex(0)
    try await broker.base.withBroker { _ in
      try await broker.inOneProcess("l", pause: .zero, by: broker.base.clock) { count.withLock { $0 += 1 } }
    }
    return (count.withLock { $0 }, broker.answers.withLock { $0 })
  }

  @Test func aLockThatIsNotThereYetIsTriedAgain() async throws {
    let (count, left) = try await run([.unavailable, .stopped, .notRunning])
    #expect(count == 1 && left.isEmpty)
  }

  @Test func whoMayTakeNoLockDoesItAllTheSame() async throws {
    let (count, left) = try await run([.unavailable, .invalid, .unavailable])
    #expect(count == 1 && left == [.unavailable])
  }
}
