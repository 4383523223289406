/// An engine that can tell what is in it.
public protocol InspectableBroker: Broker {
  /// All queues, by name.
  ///
  /// - Throws: ``BrokerError/Code/unsupported``, with the fix, when the engine cannot list them now.
  func queues() async throws(BrokerError) -> [QueueStatus]
  /// One queue; `nil` when there is none of this name.
  func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus?
  /// The workers that are connected, where the engine knows them.
  func workers() async throws(BrokerError) -> [WorkerStatus]
  /// What of this topology is missing or differs, each with the fix. Changes nothing. What is there beside it is no
  /// difference: a topology may be a part of the whole.
  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference]
  /// What is declared. What Warren did not declare, or would declare in another way, is adopted in it.
  ///
  /// - Throws: ``BrokerError/Code/unsupported``, with the fix, when the engine cannot tell now.
  func topology() async throws(BrokerError) -> Topology
  /// What an operator should know or fix: each finding with the fix.
  func diagnose() async throws(BrokerError) -> [Finding]
  /// What of ``diagnose()`` is found at a cost that does not grow with the number of messages: for what is looked at often.
  /// By default all of it.
  func glance() async throws(BrokerError) -> [Finding]
  /// What it runs on. By default only the engine and its version are told.
  func describe() async throws(BrokerError) -> BrokerDescription
}

extension InspectableBroker {
  /// What of ``diagnose()`` is found at a cost that does not grow with the number of messages; by default all of it.
  public func glance() async throws(BrokerError) -> [Finding] { try await diagnose() }

  /// Only the engine and its version.
  public func describe() async throws(BrokerError) -> BrokerDescription {
    BrokerDescription(engine: capabilities.engine)
  }

  /// One queue; `nil` when there is none of this name.
  public func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus? {
    try await queues().first { $0.name == name }
  }
}
