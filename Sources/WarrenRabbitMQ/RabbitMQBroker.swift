internal import AMQP
internal import Foundation
public import Logging
internal import ServiceLifecycle
internal import Synchronization
public import Warren

/// An engine on a RabbitMQ cluster, from 3.10 on, without plugins.
///
/// ```swift
/// let broker = try RabbitMQBroker(url: "amqp://user:password@rabbit.internal")
/// ```
/// Messages lie in quorum queues, are persistent, and are published with the mandatory flag and a confirm. A retry is a
/// confirmed copy into a queue whose messages expire back into the queue that failed; then the delivery is acknowledged.
///
/// What RabbitMQ cannot do is missing from its ``capabilities``, and two things of it differ: a queue's delayed messages
/// cannot be counted or purged, and beside the prefetch of a consumer one suspect (see `Delivery.isSuspect`) may be out.
public final class RabbitMQBroker: InspectableBroker, OperableBroker, DeadLetterBroker, LeasingBroker, LockingBroker {
  private let configuration: RabbitMQConfiguration
  /// The time that messages go by.
  public let clock: any BrokerClock
  private let logger: Logger
  private let lifecycle = EngineLifecycle<Parts>()
  private let known = KnownTopology()
  private let consumers = RunningConsumers()
  let management: ManagementAPI
  private let started = Date()
  private let amqp: AMQPConfiguration

  /// An engine on one broker, `amqp://user:password@host:port/virtual-host`.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` when the URL cannot be read. The message does not show it.
  public convenience init(
    url: String, configuration: RabbitMQConfiguration = .init(), clock: any BrokerClock = SystemClock(),
    logger: Logger = Logger(label: "warren.rabbitmq")
  ) throws(BrokerError) {
    try self.init(urls: [url], configuration: configuration, clock: clock, logger: logger)
  }

  /// An engine on a cluster: any of these may be used, and they may differ in host and port only.
  ///
  /// Beside what RabbitMQ's URI specification knows, the query may name the management API: `?management=http://host:15672`, or
  /// with a user of its own `http://user:password@host:15672`.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` when a URL cannot be read, without showing it, or for a configuration that cannot be meant.
  public init(
    urls: [String], configuration: RabbitMQConfiguration = .init(), clock: any BrokerClock = SystemClock(),
    logger: Logger = Logger(label: "warren.rabbitmq")
  ) throws(BrokerError) {
    try configuration.validate()
    var addresses: [Address] = []
    for url in urls { addresses.append(try Address(url)) }
    do throws(AMQPError) {
      var amqp = try AMQPConfiguration(uris: addresses.map(\.uri))
      if !addresses.contains(where: { $0.uri.contains("heartbeat=") }) { amqp.heartbeat = configuration.heartbeat }
      if !addresses.contains(where: { $0.uri.contains("connection_timeout=") }) {
        amqp.connectTimeout = configuration.connectDeadline
        amqp.handshakeTimeout = configuration.connectDeadline
      }
      amqp.recovery = AMQPRecoveryPolicy(
        lastBound: configuration.longestReconnectPause, retriesFirstConnect: configuration.waitsForFirstConnection)
      // What the application publishes is checked by Warren; a copy may be as large as what came in.
      amqp.maxOutboundBodySize = Limits.largestBodyOfCopies
      // What is in a queue came in by another limit, which may be the 128 MiB of an older broker.
      amqp.maxInboundBodySize = Limits.largestBodyOfCopies
      amqp.logger = logger
      self.amqp = amqp
    } catch {
      throw BrokerError(error, doing: "reading the URL of RabbitMQ")
    }
    var configuration = configuration
    if configuration.management == nil {
      configuration.management = addresses.lazy.compactMap(\.management).first ?? Address.derived(from: amqp)
    }
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
    management = ManagementAPI(
      base: configuration.management, credentials: addresses.first?.credentials, virtualHost: amqp.virtualHost)
  }

  /// What this engine can do beyond the laws. The version is known once the broker runs.
  public var capabilities: BrokerCapabilities {
    let server = lifecycle.value?.session.server
    return BrokerCapabilities(
      engine: server?.name ?? "RabbitMQ", ordersByPriority: server?.ordersByPriority ?? false,
      showsWaitingMessages: false, largestBody: known.largestBody)
  }

  /// Connects, and stays connected until the task is cancelled or the service is shut down, which first lets its workers finish
  /// what they handle.
  ///
  /// - Throws: ``BrokerError`` when no repetition can help, such as for a wrong password.
  public func run() async throws {
    try lifecycle.begin()
    defer { lifecycle.end() }
    let name = configuration.connectionName ?? Self.processName
    let publishing = AMQPConnection(named(name + " publishing"))
    let consuming = AMQPConnection(named(name))
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await publishing.runUntilClosed() }
        group.addTask { try await consuming.runUntilClosed() }
        group.addTask { try await self.open(publishing, consuming) }
        group.addTask {
          guard (try? await gracefulShutdown()) != nil else { return }
          await self.consumers.drain()
          await consuming.close()
        }
        // The end of either connection ends the broker: in good order when it is shut down, or for an error that trying again does
        // not correct. That error may come after another part has ended for it.
        while try await group.next() != nil { if consuming.state.isFinal || publishing.state.isFinal { break } }
        for connection in [consuming, publishing] { if case .failed(let error) = connection.state { throw error } }
        group.cancelAll()
      }
    } catch let error as AMQPError {
      let failure = BrokerError(error, doing: "connecting to RabbitMQ")
      lifecycle.end(failure)
      throw failure
    }
  }

  /// Serves the calls that wait, then listens to what is announced to all processes.
  private func open(_ publishing: AMQPConnection, _ consuming: AMQPConnection) async throws {
    do throws(AMQPError) {
      try await consuming.waitUntilOpen()
      try await publishing.waitUntilOpen()
    } catch { return }  // Its run() throws the same.
    let server = Server(properties: await consuming.serverProperties)
    let options = AMQPChannelOptions(publishTimeout: configuration.publishDeadline)
    let session = try await asBrokerError("opening channels") {
      Session(
        server: server, publishing: publishing, consuming: consuming,
        applicationChannel: try await publishing.openChannel(options),
        copyChannel: try await publishing.openChannel(options), management: management, configuration: configuration,
        clock: clock, logger: logger)
    }
    if !server.isSupported {
      logger.warning("This version of RabbitMQ is older than 3.10, the oldest that Warren is tested with")
    }
    let parts = Parts(session, known, consumers, started: started, processName: Self.processName)
    lifecycle.open(parts)
    await withDiscardingTaskGroup { group in
      group.addTask { await parts.leaseWatch.run() }
      await parts.listen()
    }
  }

  private func named(_ name: String) -> AMQPConfiguration {
    var named = amqp
    named.name = String(name.prefix(200))
    return named
  }

  private static var processName: String {
    let process = ProcessInfo.processInfo
    return "\(process.hostName):\(process.processIdentifier) \(process.processName)"
  }

  /// The parts, once there is a connection.
  func parts() async throws(BrokerError) -> Parts {
    try await lifecycle.waitUntilRunning(
      for: configuration.startDeadline, by: clock,
      away:
        "RabbitMQ was not reached within \(configuration.startDeadline.words) at "
        + "\(amqp.endpoints.map(\.description).joined(separator: ", ")): check that it runs and that the URL is right"
    )
  }

  // MARK: Publishing and consuming

  /// Declares what is missing and checks what is there. What is adopted is only looked for, by its name.
  public func apply(_ topology: Topology) async throws(BrokerError) { try await parts().topology.apply(topology) }

  /// Stores messages, in one round trip; one result for each, in the same order.
  public func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    if publications.isEmpty { return [] }
    return try await parts().publisher.publish(publications)
  }

  /// Takes deliveries from a queue while `body` runs. Beside the prefetch, one suspect of the queue may be out.
  public func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result {
    try await parts().consume(queue, prefetch: prefetch, body)
  }

  /// Ends a delivery. What goes elsewhere is copied and confirmed before it is acknowledged, so it may come twice and is
  /// never lost.
  public func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    guard let open = consumers.open(delivery.token.scope), let held = open.take(delivery.token.number), held.isCurrent
    else { return .stale }
    guard let parts = lifecycle.value else { throw EngineLifecycle<Parts>.stopped }
    return try await parts.settler.settle(held, of: delivery, in: open, as: settlement)
  }

  /// How long a delivery of this queue may be held. From 4.3 on a consumer of a quorum queue may ask for its own time.
  public func lease(of queue: QueueName, wanted: Duration) async throws(BrokerError) -> Lease? {
    try await parts().leases.lease(of: queue, wanted: wanted)
  }

  /// Runs `body` while this caller holds the lock of this name, which is an exclusive queue: see
  /// ``Warren/LockingBroker/withLock(_:wait:_:)``.
  public func withLock<Result: Sendable>(
    _ name: LockName, wait: Duration?, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await parts().locks.withLock(name, wait: wait, body)
  }

  // MARK: Dead letters

  /// One page of dead letters, the oldest first. The cursor is the number of letters on the pages before, so it is off when letters
  /// come or go meanwhile.
  public func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    try await parts().reader.deadLetters(selection)
  }

  /// Visits dead letters in one sweep, where they lie in one queue.
  public func visitDeadLetters(
    _ selection: DeadLetterSelection, _ visit: @escaping @Sendable ([DeadLetter]) async -> Bool
  ) async throws(BrokerError) -> Bool {
    if let hasMore = try await parts().reader.visit(selection, visit) { return hasMore }
    return try await visitPages(selection, visit)
  }

  /// Sends the selected dead letters back to the queues that gave up on them.
  public func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    try await parts().deadLetterWork.replay(selection)
  }

  /// Deletes the selected dead letters for good.
  public func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try await parts().deadLetterWork.deleteDeadLetters(selection)
  }

  /// Publishes a changed copy of one dead letter to the queue that gave up on it, then removes the dead letter.
  public func replace(_ id: MessageID, in queue: QueueName?, with edited: Message) async throws(BrokerError) {
    try await parts().deadLetterWork.replace(id, in: queue, with: edited)
  }

  // MARK: Operating

  /// The queues of the topologies that this process applied and, when the management API answers, all others.
  ///
  /// What waits is counted by the broker itself and is exact. What other processes hold, and the rates, are known to the
  /// management API only, which is up to 5 s late. What is delayed cannot be told.
  ///
  /// - Throws: ``BrokerError/Code/unsupported`` when the API does not answer and this process has applied no topology: AMQP
  ///   alone cannot list queues.
  public func queues() async throws(BrokerError) -> [QueueStatus] { try await parts().inspector.queues() }

  /// One queue, also when the management API does not answer.
  public func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus? {
    try await parts().inspector.queue(name)
  }

  /// The processes that consume, and what those of Warren work on.
  ///
  /// - Throws: ``BrokerError/Code/unsupported`` when the management API does not answer: AMQP alone cannot list consumers.
  public func workers() async throws(BrokerError) -> [WorkerStatus] { try await parts().inspector.workers() }

  /// What of this topology is missing or differs. Changes nothing: a declaration of what exists only compares. Whether a
  /// binding is there, AMQP cannot tell, so without the management API bindings are not compared.
  public func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    try await parts().topology.differences(from: topology)
  }

  /// What is declared in the virtual host, but for what Warren keeps for itself, what every broker has, and what goes with
  /// a connection. A queue that Warren would not declare just so is adopted in it.
  public func topology() async throws(BrokerError) -> Topology { try await parts().topology.topology() }

  /// What an operator should know or fix.
  public func diagnose() async throws(BrokerError) -> [Finding] { try await parts().doctor.diagnose() }
  /// See ``Warren/InspectableBroker/glance()``. The rights of the user are left out, since queues have to be declared to find them out.
  public func glance() async throws(BrokerError) -> [Finding] { try await parts().doctor.glance() }

  /// The broker, and its nodes where the management API tells them.
  public func describe() async throws(BrokerError) -> BrokerDescription { try await parts().inspector.describe() }

  /// Hands out nothing more from this queue, in any process, until ``resume(_:)``.
  public func pause(_ queue: QueueName) async throws(BrokerError) { try await parts().control.pause(queue) }

  /// Undoes ``pause(_:)``.
  public func resume(_ queue: QueueName) async throws(BrokerError) { try await parts().control.resume(queue) }

  /// Deletes what waits in this queue and among its suspects. RabbitMQ cannot tell whose the delayed messages are, so those
  /// stay.
  public func purge(_ queue: QueueName) async throws(BrokerError) -> Int { try await parts().control.purge(queue) }

  /// Asks the worker that handles this message to end its handler, whichever process it is in.
  public func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int {
    try await parts().control.cancel(id, in: queue)
  }
}

extension RabbitMQBroker: RemovingBroker {
  /// Deletes a queue, its suspects and the marker of its pause. Its relay stays: see ``Warren/RemovingBroker``.
  ///
  /// What comes in between the look and the deletion goes with it, and is counted: RabbitMQ cannot delete a quorum queue on the
  /// condition that it is empty. Delayed messages for it stay where they are, and come into a queue of this name when there is one
  /// again. Which queues' dead letters go to it is known to the management API.
  public func deleteQueue(_ queue: QueueName, withMessages: Bool) async throws(BrokerError) -> Int {
    try await parts().remover.deleteQueue(queue, withMessages: withMessages)
  }

  /// Removes a binding. Whether there is one, only the management API tells.
  public func removeBinding(_ binding: Binding) async throws(BrokerError) {
    try await parts().remover.removeBinding(binding)
  }
}
