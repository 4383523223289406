import Warren
import WarrenTesting

/// A broker that can do what RabbitMQ can: it keeps no operations, shows no messages that wait, and holds no schedules.
struct PlainBroker: InspectableBroker, OperableBroker, DeadLetterBroker {
  let engine: TestBroker

  var capabilities: BrokerCapabilities { engine.capabilities }
  var clock: any BrokerClock { engine.clock }
  func run() async throws { try await engine.run() }
  func apply(_ topology: Topology) async throws(BrokerError) { try await engine.apply(topology) }
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    try await engine.publish(publications)
  }
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result { try await engine.consume(queue, prefetch: prefetch, body) }
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    try await engine.settle(delivery, as: settlement)
  }
  func queues() async throws(BrokerError) -> [QueueStatus] { try await engine.queues() }
  func workers() async throws(BrokerError) -> [WorkerStatus] { try await engine.workers() }
  func diagnose() async throws(BrokerError) -> [Finding] { try await engine.diagnose() }
  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    try await engine.differences(from: topology)
  }
  func topology() async throws(BrokerError) -> Topology { try await engine.topology() }
  func pause(_ queue: QueueName) async throws(BrokerError) { try await engine.pause(queue) }
  func resume(_ queue: QueueName) async throws(BrokerError) { try await engine.resume(queue) }
  func purge(_ queue: QueueName) async throws(BrokerError) -> Int { try await engine.purge(queue) }
  func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    try await engine.deadLetters(selection)
  }
  func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    try await engine.replay(selection)
  }
  func replace(_ id: MessageID, in queue: QueueName?, with edited: Message) async throws(BrokerError) {
    try await engine.replace(id, in: queue, with: edited)
  }
  func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try await engine.deleteDeadLetters(selection)
  }
}
