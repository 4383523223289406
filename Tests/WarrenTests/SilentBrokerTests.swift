import BrokerConformance
import Metrics
import Testing
import WarrenTesting

@testable import Warren

/// An engine that gives no answer about its queues until it is let.
private struct SilentBroker: ForwardingBroker, InspectableBroker {
  let base: TestBroker
  let answers = Watched(false)

  func queues() async throws(BrokerError) -> [QueueStatus] {
    await answers.wait { $0 }
    return try await base.queues()
  }
}

@Suite struct SilentBrokerTests {
  @Test func aBrokerThatGivesNoAnswerIsToldAsAway() async throws {
    let metrics = CountingMetrics()
    let broker = SilentBroker(base: try TestBroker())
    try await broker.base.withBroker { base in
      let service = Task { try await withMetricsFactory(metrics) { try await BrokerGauges(broker).run() } }
      defer { service.cancel() }
      while metrics.value("warren_connection_up", [:]) != 0 {
        base.advance(by: .seconds(10))
        await Task.yield()
      }
      broker.answers.withValue { $0 = true }
      try await metrics.wait("warren_connection_up", [:], 1)
    }
  }
}
