public import Foundation
internal import Synchronization
public import Warren
internal import WarrenSQLite

extension TestBroker: Broker {
  /// Those of the embedded engine.
  public var capabilities: BrokerCapabilities { engine.capabilities }
  /// Runs the engine.
  public func run() async throws { try await engine.run() }
  /// See ``Warren/Broker/apply(_:)``.
  public func apply(_ topology: Topology) async throws(BrokerError) { try await engine.apply(topology) }

  /// Publishes, with what ``Fault/deliveredTwice(_:times:)`` and ``Fault/publishFails(_:of:times:)`` ask for.
  public func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    for publication in publications {
      if let fault = take(.publishFails, for: publication.message) {
        throw BrokerError(fault.code, "the test lets this publish fail")
      }
    }
    var repeats: [Publication] = []
    for publication in publications where take(.deliveredTwice, for: publication.message) != nil {
      var publication = publication
      publication.unique = nil
      repeats.append(publication)
    }
    let results = try await engine.publish(publications)
    if !repeats.isEmpty { _ = try await engine.publish(repeats) }
    state.withLock { state in
      for (publication, result) in zip(publications, results) {
        if result.error == nil { state.published.append(publication) }
      }
    }
    changed()
    return results
  }

  /// Hands out deliveries, unless ``Fault/awayAtSubscribing(times:)`` comes between.
  public func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result {
    if take(.awayAtSubscribing) != nil { throw BrokerError(.unavailable, "the broker is away, as the test asked") }
    return try await engine.consume(queue, prefetch: prefetch) { consumer in
      let id = ObjectIdentifier(consumer)
      state.withLock { $0.consumers[id] = consumer }
      defer { state.withLock { _ = $0.consumers.removeValue(forKey: id) } }
      return try await body(consumer)
    }
  }

  /// Settles, unless a fault comes between.
  public func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    state.withLock { $0.settling += 1 }
    defer {
      state.withLock { $0.settling -= 1 }
      changed()
    }
    if take(.workerKilled, for: delivery.message) != nil {
      try await killWorker()
      return .stale
    }
    if take(.outcomeLost, for: delivery.message) != nil {
      _ = try await engine.settle(delivery, as: .release)
      return .stale
    }
    let result = try await engine.settle(delivery, as: settlement)
    if result == .settled { state.withLock { $0.settlements.append((delivery, settlement)) } }
    return result
  }

  /// See ``Warren/Broker/begin(_:)``.
  public func begin(_ suspect: Delivery) async throws(BrokerError) -> SettleResult { try await engine.begin(suspect) }

  private func take(_ kind: Fault.Kind, for message: Message? = nil) -> Fault? {
    state.withLock { state in
      let index = state.faults.firstIndex { fault in
        fault.kind == kind && fault.times > 0 && (message.map(fault.concerns) ?? true)
      }
      guard let index else { return nil }
      state.faults[index].times -= 1
      return state.faults[index]
    }
  }
}

extension TestBroker: InspectableBroker {
  /// See ``Warren/InspectableBroker/queues()``.
  public func queues() async throws(BrokerError) -> [QueueStatus] { try await engine.queues() }
  /// See ``Warren/InspectableBroker/workers()``.
  public func workers() async throws(BrokerError) -> [WorkerStatus] { try await engine.workers() }
  /// See ``Warren/InspectableBroker/differences(from:)``.
  public func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    try await engine.differences(from: topology)
  }
  /// See ``Warren/InspectableBroker/topology()``.
  public func topology() async throws(BrokerError) -> Topology { try await engine.topology() }
  /// See ``Warren/InspectableBroker/diagnose()``.
  public func diagnose() async throws(BrokerError) -> [Finding] { try await engine.diagnose() }
  /// See ``Warren/InspectableBroker/glance()``.
  public func glance() async throws(BrokerError) -> [Finding] { try await engine.glance() }
  /// See ``Warren/InspectableBroker/describe()``.
  public func describe() async throws(BrokerError) -> BrokerDescription { try await engine.describe() }
}

extension TestBroker: OperableBroker {
  /// See ``Warren/OperableBroker/pause(_:)``.
  public func pause(_ queue: QueueName) async throws(BrokerError) { try await engine.pause(queue) }
  /// See ``Warren/OperableBroker/resume(_:)``.
  public func resume(_ queue: QueueName) async throws(BrokerError) { try await engine.resume(queue) }
  /// See ``Warren/OperableBroker/purge(_:)``.
  public func purge(_ queue: QueueName) async throws(BrokerError) -> Int { try await engine.purge(queue) }
  /// See ``Warren/OperableBroker/cancel(_:in:)``.
  public func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int {
    try await engine.cancel(id, in: queue)
  }
  /// See ``Warren/OperableBroker/removeWaiting(_:from:)``.
  public func removeWaiting(_ id: MessageID, from queue: QueueName) async throws(BrokerError) -> Int {
    let count = try await engine.removeWaiting(id, from: queue)
    changed()
    return count
  }
  /// See ``Warren/OperableBroker/reschedule(_:in:to:)``.
  public func reschedule(_ id: MessageID, in queue: QueueName, to time: Date) async throws(BrokerError) -> Int {
    let count = try await engine.reschedule(id, in: queue, to: time)
    changed()
    return count
  }
  /// See ``Warren/OperableBroker/replaceWaiting(_:in:with:)``.
  public func replaceWaiting(_ id: MessageID, in queue: QueueName, with content: Message) async throws(BrokerError)
    -> Int
  { try await engine.replaceWaiting(id, in: queue, with: content) }
}

extension TestBroker: DeadLetterBroker {
  /// See ``Warren/DeadLetterBroker/deadLetters(_:)``.
  public func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    try await engine.deadLetters(selection)
  }
  /// See ``Warren/DeadLetterBroker/replay(_:)``.
  public func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    try await engine.replay(selection)
  }
  /// See ``Warren/DeadLetterBroker/replace(_:in:with:)``.
  public func replace(_ id: MessageID, in queue: QueueName?, with edited: Message) async throws(BrokerError) {
    try await engine.replace(id, in: queue, with: edited)
  }
  /// See ``Warren/DeadLetterBroker/deleteDeadLetters(_:)``.
  public func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try await engine.deleteDeadLetters(selection)
  }
}

extension TestBroker: LockingBroker {
  /// See ``Warren/LockingBroker/withLock(_:wait:_:)``.
  public func withLock<Result: Sendable>(
    _ name: LockName, wait: Duration?, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await engine.withLock(name, wait: wait, body)
  }
}

extension TestBroker: StateStore {
  /// See ``Warren/StateStore/record(_:)``.
  public func record(_ key: StoreKey) async throws(BrokerError) -> StoreRecord? { try await engine.record(key) }
  /// See ``Warren/StateStore/records(of:)``.
  public func records(of kind: StoreKind) async throws(BrokerError) -> [StoreRecord] {
    try await engine.records(of: kind)
  }
  /// See ``Warren/StateStore/write(_:to:replacing:until:)``.
  public func write(
    _ value: Data, to key: StoreKey, replacing version: StoreVersion?, until expiry: Date?
  ) async throws(BrokerError) -> StoreRecord? {
    try await engine.write(value, to: key, replacing: version, until: expiry)
  }
  /// See ``Warren/StateStore/remove(_:_:)``.
  public func remove(_ key: StoreKey, _ version: StoreVersion) async throws(BrokerError) -> Bool {
    try await engine.remove(key, version)
  }
}

extension TestBroker: RemovingBroker {
  /// See ``Warren/RemovingBroker/deleteQueue(_:withMessages:)``.
  public func deleteQueue(_ queue: QueueName, withMessages: Bool) async throws(BrokerError) -> Int {
    try await engine.deleteQueue(queue, withMessages: withMessages)
  }
  /// See ``Warren/RemovingBroker/removeBinding(_:)``.
  public func removeBinding(_ binding: Binding) async throws(BrokerError) { try await engine.removeBinding(binding) }
}

extension TestBroker: MessageListingBroker {
  /// See ``Warren/MessageListingBroker/messages(_:)``.
  public func messages(_ selection: QueuedMessageSelection) async throws(BrokerError) -> QueuedMessagePage {
    try await engine.messages(selection)
  }
}
