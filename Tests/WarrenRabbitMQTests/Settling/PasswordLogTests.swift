import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenRabbitMQ

private struct Flaky: JobMessage {
  static let name: MessageName = "flaky"
  static let queue = Queue(QueueName(Foreign.name()))
  static let retry: RetryPolicy = .fixed([.milliseconds(30), .milliseconds(30)])
  var failures: Int
}

/// No line of the log and no error shows a password, on the way through delay buckets neither.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note)) struct PasswordLogTests {
  @Test func delaysRetriesDeadLettersAndRefusalsShowNone() async throws {
    let user = try await User(configure: ".*", password: "secret-\(UInt32.random(in: 0...UInt32.max))")
    let log = CapturedLog()
    let broker = try RabbitMQBroker(url: user.url, logger: log.logger)
    let worker = try Worker(broker, name: "w", logger: log.logger) {
      On(Flaky.self) { job, context in
        if context.attempt <= job.failures { throw Fails(description: "\(broker) \(broker.capabilities)") }
      }
    }
    try await broker.withBroker { broker in
      try await broker.apply(worker.topology)
      let bus = EventBus(broker, source: "test", logger: log.logger)
      try await bus.enqueue(Flaky(failures: 1), after: .milliseconds(50))
      try await bus.enqueue(Flaky(failures: 9), at: Date().addingTimeInterval(0.05))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        _ = try await until {
          try await broker.deadLetters(DeadLetterSelection(origin: Flaky.queue.name)).letters.count
        } holds: {
          $0 == 1
        }
        _ = try await until {
          log.lines.filter { $0.message == "Handled" }.count
        } holds: {
          $0 == 1
        }
        group.cancelAll()
      }
      _ = try await broker.diagnose()
    }
    // And where the password is not the right one.
    let refused = try RabbitMQBroker(
      url: user.url.replacing(":\(user.password)@", with: ":\(user.password)-old@"), logger: log.logger)
    let error = await #expect(throws: BrokerError.self) {
      try await refused.withBroker { try await $0.apply(worker.topology) }
    }
    try await user.delete()
    let shown =
      log.lines.map { "\($0.message) \($0.metadata)" } + ["\(broker) \(refused) \(worker)", "\(error as Any)"]
    #expect(shown.filter { $0.contains(user.password) } == [])
    // Something was there to be read.
    #expect(log.lines.contains { $0.message == "Handling failed, will retry" } && log.lines.count > 5)
  }

  private struct Fails: Error, CustomStringConvertible { let description: String }
}
