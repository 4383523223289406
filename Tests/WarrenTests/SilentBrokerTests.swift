import Metrics
import Testing
import WarrenTesting

@testable import Warren

/// An engine that gives no answer about its queues until it is let.
private struct SilentBroker: InspectableBroker {
  let base: TestBroker
  let answers = Watched(false)

  var capabilities: BrokerCapabilities { base.capabilities }
  var clock: any BrokerClock { base.clock }
  func run() async throws {}
  func apply(_ topology: Topology) async throws(BrokerError) { try await base.apply(topology) }
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    try await base.publish(publications)
  }
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result { try await base.consume(queue, prefetch: prefetch, body) }
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    try await base.settle(delivery, as: settlement)
  }
  func queues() async throws(BrokerError) -> [QueueStatus] {
    await answers.wait { $0 }
    return try await base.queues()
  }
  func workers() async throws(BrokerError) -> [WorkerStatus] { try await base.workers() }
  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    try await base.differences(from: topology)
  }
  func topology() async throws(BrokerError) -> Topology { try await base.topology() }
  func diagnose() async throws(BrokerError) -> [Finding] { try await base.diagnose() }
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
