package import Foundation
internal import ServiceLifecycle
package import Warren

/// A broker whose calls go to another one. A test writes those down that are to do something else.
///
/// What it can do beyond the laws is what it names as protocols, such as `InspectableBroker`, as far as the other one can.
package protocol ForwardingBroker: Broker {
  associatedtype Base
  /// Where the calls go: a broker by its type, or `any Broker`.
  var base: Base { get }
  /// The same, as a broker of any kind.
  var target: any Broker { get }
}

extension ForwardingBroker where Base: Broker {
  package var target: any Broker { base }
}

extension ForwardingBroker where Base == any Broker {
  package var target: any Broker { base }
}

extension ForwardingBroker {
  package var capabilities: BrokerCapabilities { target.capabilities }
  package var clock: any BrokerClock { target.clock }
  package func run() async throws { try await target.run() }
  package func apply(_ topology: Topology) async throws(BrokerError) { try await target.apply(topology) }
  package func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    try await target.publish(publications)
  }
  package func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result { try await target.consume(queue, prefetch: prefetch, body) }
  package func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    try await target.settle(delivery, as: settlement)
  }
  package func begin(_ suspect: Delivery) async throws(BrokerError) -> SettleResult { try await target.begin(suspect) }
}

extension ForwardingBroker where Base: LockingBroker {
  package func withLock<Result: Sendable>(
    _ name: LockName, wait: Duration?, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result { try await base.withLock(name, wait: wait, body) }
}

extension ForwardingBroker where Self: InspectableBroker, Base: InspectableBroker {
  package func queues() async throws(BrokerError) -> [QueueStatus] { try await base.queues() }
  package func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus? { try await base.queue(name) }
  package func workers() async throws(BrokerError) -> [WorkerStatus] { try await base.workers() }
  package func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    try await base.differences(from: topology)
  }
  package func topology() async throws(BrokerError) -> Topology { try await base.topology() }
  package func diagnose() async throws(BrokerError) -> [Finding] { try await base.diagnose() }
  package func glance() async throws(BrokerError) -> [Finding] { try await base.glance() }
  package func describe() async throws(BrokerError) -> BrokerDescription { try await base.describe() }
}

extension ForwardingBroker where Base: OperableBroker {
  package func pause(_ queue: QueueName) async throws(BrokerError) { try await base.pause(queue) }
  package func resume(_ queue: QueueName) async throws(BrokerError) { try await base.resume(queue) }
  package func purge(_ queue: QueueName) async throws(BrokerError) -> Int { try await base.purge(queue) }
}

extension ForwardingBroker where Base: DeadLetterBroker {
  package func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    try await base.deadLetters(selection)
  }
  package func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    try await base.replay(selection)
  }
  package func replace(_ id: MessageID, in queue: QueueName?, with edited: Message) async throws(BrokerError) {
    try await base.replace(id, in: queue, with: edited)
  }
  package func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try await base.deleteDeadLetters(selection)
  }
}

extension ForwardingBroker where Base: BulkOperatingBroker {
  package func keep(_ operation: BulkOperation) async throws(BrokerError) { try await base.keep(operation) }
  package func advance(_ id: String, runner: String, atMost limit: Int) async throws(BrokerError) -> BulkOperation {
    try await base.advance(id, runner: runner, atMost: limit)
  }
  package func takeOver(_ id: String, runner: String) async throws(BrokerError) -> BulkOperation {
    try await base.takeOver(id, runner: runner)
  }
  package func cancelOperation(_ id: String) async throws(BrokerError) -> BulkOperation {
    try await base.cancelOperation(id)
  }
  package func bulkOperations(limit: Int) async throws(BrokerError) -> [BulkOperation] {
    try await base.bulkOperations(limit: limit)
  }
  package func bulkOperation(_ id: String) async throws(BrokerError) -> BulkOperation? {
    try await base.bulkOperation(id)
  }
}

extension ForwardingBroker where Base: StateStore {
  package func record(_ key: StoreKey) async throws(BrokerError) -> StoreRecord? { try await base.record(key) }
  package func records(of kind: StoreKind) async throws(BrokerError) -> [StoreRecord] {
    try await base.records(of: kind)
  }
  package func write(
    _ value: Data, to key: StoreKey, replacing version: StoreVersion?, until expiry: Date?
  ) async throws(BrokerError) -> StoreRecord? {
    try await base.write(value, to: key, replacing: version, until: expiry)
  }
  package func remove(_ key: StoreKey, _ version: StoreVersion) async throws(BrokerError) -> Bool {
    try await base.remove(key, version)
  }
}

extension ForwardingBroker where Base: SampleStore {
  package func keep(_ all: QueueSample?, _ queues: [QueueName: QueueSample]) async throws(BrokerError) {
    try await base.keep(all, queues)
  }
  package func samples(of queue: QueueName?) async throws(BrokerError) -> [QueueSample] {
    try await base.samples(of: queue)
  }
  package func whileSampling(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await base.whileSampling(body)
  }
}
