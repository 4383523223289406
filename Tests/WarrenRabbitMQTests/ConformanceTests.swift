import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenRabbitMQ

/// Where a broker for tests listens, from the environment. `scripts/test-rabbitmq` sets it.
enum RealBroker {
  static let url = ProcessInfo.processInfo.environment["WARREN_TEST_AMQP"]
  static let isThere = url != nil
  static let note: Comment = "no RabbitMQ: set WARREN_TEST_AMQP, or run scripts/test-rabbitmq"
}

/// The suite that every engine passes, over a real RabbitMQ.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note), .serialized)
struct ConformanceTests {
  @Test(arguments: Scenario.all(with: [.otherProcesses, .priority]))
  func passes(_ scenario: Scenario) async throws {
    let url = try #require(RealBroker.url)
    let broker = try RabbitMQBroker(url: url)
    try await broker.withBroker { broker in
      // The version is known once it runs.
      _ = try await broker.diagnose()
      if scenario.needs.contains(.priority), !broker.capabilities.ordersByPriority { return }
      try await scenario.run(
        Bench(broker: broker, clock: SystemClock(), url: url) { try await Task.sleep(for: $0) })
    }
  }
}
