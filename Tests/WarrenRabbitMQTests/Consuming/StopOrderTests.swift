import BrokerConformance
import Testing
import WarrenRabbitMQ

/// A worker and its broker stop in good order, however they stand in their service group.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note)) struct StopOrderTests {
  @Test(arguments: [true, false]) func nothingThatWasBegunIsLost(brokerFirst: Bool) async throws {
    let urls = try #require(RealBroker.urls)
    try await stopInGoodOrder(brokerFirst: brokerFirst) { logger in try RabbitMQBroker(urls: urls, logger: logger) }
  }
}
