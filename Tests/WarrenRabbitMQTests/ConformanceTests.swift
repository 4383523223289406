import BrokerConformance
import GRDB
import Testing
import Warren
import WarrenGRDB
import WarrenRabbitMQ

/// The suite that every engine passes, over a real RabbitMQ.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note), .serialized)
struct ConformanceTests {
  @Test(arguments: RealBroker.scenarios)
  func passes(_ scenario: Scenario) async throws {
    let broker = try RabbitMQBroker(urls: try #require(RealBroker.urls))
    try await broker.withBroker { broker in
      // The version is known once it runs.
      _ = try await broker.queue("none")
      if scenario.needs.contains(.priority), !broker.capabilities.ordersByPriority { return }
      let database = try DatabaseQueue()
      var migrator = DatabaseMigrator()
      migrator.registerWarrenTables()
      try migrator.migrate(database)
      try await scenario.run(
        Bench(broker: broker, clock: SystemClock(), store: DatabaseStore(database), url: RealBroker.url) {
          try await Task.sleep(for: $0)
        })
    }
  }
}
