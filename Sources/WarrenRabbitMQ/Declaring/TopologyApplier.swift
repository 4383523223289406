internal import AMQP
internal import Foundation
internal import Logging
internal import Warren

/// Declares what is asked for, and tells how that differs from what is there.
struct TopologyApplier: Sendable {
  let session: Session
  let known: KnownTopology
  let locks: NamedLocks

  /// Declares what is missing and checks what is there. What is adopted is only looked for, by its name.
  func apply(_ topology: Topology) async throws(BrokerError) {
    // First what may be refused without a trace.
    for exchange in topology.exchanges where exchange.isAdopted {
      guard try await session.mayBeThere(exchange.name) else {
        throw BrokerError(
          .notFound, "there is no exchange '\(exchange.name)', which is adopted: its owner declares it first")
      }
    }
    for queue in topology.queues where queue.isAdopted {
      guard try await session.mayBeThere(queue.name) else {
        throw BrokerError(.notFound, "there is no queue '\(queue.name)', which is adopted: its owner declares it first")
      }
    }
    let shown = await session.management.queues()
    try await checkLimit(topology, shown)
    // What this user may not declare is enough when it is there: who only publishes need not have the right.
    var unchecked: [String] = []
    for exchange in topology.exchanges where !exchange.isAdopted {
      do { try await declare(exchange) } catch {
        guard error.isAboutRights, try await session.mayBeThere(exchange.name) else { throw error }
        unchecked.append("the exchange '\(exchange.name)'")
      }
    }
    let queues = known.queues
    for queue in topology.queues where !queue.isAdopted {
      if let differences = queues[queue.name]?.differences(from: queue), !differences.isEmpty,
        queues[queue.name]?.isAdopted == false
      {
        throw BrokerError(conflict: differences)
      }
      do { try await declare(queue) } catch {
        guard error.isAboutRights, try await session.mayBeThere(queue.name) else { throw error }
        unchecked.append("the queue '\(queue.name)'")
      }
    }
    unchecked += try await bind(topology.bindings.filter { !isAdopted($0, in: topology) })
    if let first = unchecked.first {
      session.logger.notice(
        "This user may not declare what the topology has, and it was not compared with what is there",
        metadata: ["count": "\(unchecked.count)", "such as": "\(first)"])
    }
    known.note(topology)
    warnOfPolicies(topology, shown ?? [])
  }

  /// Makes bindings, one process of all after the other. Returns what this user may not bind.
  ///
  /// RabbitMQ says of a binding that another client is just making that it is there, a moment before a topic exchange routes by
  /// it: of two services that start together one would publish into that moment.
  private func bind(_ bindings: [Binding]) async throws(BrokerError) -> [String] {
    if bindings.isEmpty { return [] }
    return try await asBrokerError("binding queues") {
      do {
        return try await locks.withLock("warren.topology", wait: session.configuration.startDeadline) {
          try await bindUnlocked(bindings)
        }
      } catch let error as BrokerError where error.isAboutRights || error.isAboutQueueLimit {
        // Without the right to lock, or without room for the queue of the lock: what is there already can be bound all the same.
        return try await bindUnlocked(bindings)
      }
    }
  }

  private func bindUnlocked(_ bindings: [Binding]) async throws(BrokerError) -> [String] {
    var unchecked: [String] = []
    for binding in bindings {
      do {
        try await session.onThrowawayChannel(
          "binding the queue '\(binding.queue)' to the exchange '\(binding.exchange)'"
        ) {
          try await $0.bindQueue(
            binding.queue.rawValue, to: binding.exchange.rawValue, routingKey: binding.key.rawValue)
        }
      } catch {
        guard error.isAboutRights else { throw error }
        unchecked.append("the binding of '\(binding.queue)' to '\(binding.exchange)'")
      }
    }
    return unchecked
  }

  /// Refuses what the virtual host has no room for, before anything is declared.
  private func checkLimit(_ topology: Topology, _ shown: [ManagementAPI.QueueInfo]?) async throws(BrokerError) {
    guard let shown, let limit = await session.management.limits()?.queues else { return }
    let host = session.consuming.configuration.virtualHost
    if let refusal = QueueDemand.refusal(topology, existing: shown.map(\.name), limit: limit, virtualHost: host) {
      throw refusal
    }
  }

  /// Policies are an administrator's, so they are no reason not to begin, but they are said at once.
  private func warnOfPolicies(_ topology: Topology, _ shown: [ManagementAPI.QueueInfo]) {
    let names = Set(topology.queues.map(\.name.rawValue))
    for finding in PolicyRule.findings(
      about: shown.filter { names.contains($0.name) || SystemNames.isInternal($0.name) }, on: session.server)
    {
      session.logger.warning("\(finding.text)", metadata: ["fix": "\(finding.fix?.text ?? "")"])
    }
  }

  /// A binding between two things that are both adopted is adopted too.
  func isAdopted(_ binding: Binding, in topology: Topology) -> Bool {
    topology.queues.contains { $0.name == binding.queue && $0.isAdopted }
      && topology.exchanges.contains { $0.name == binding.exchange && $0.isAdopted }
  }

  private func declare(_ exchange: Exchange) async throws(BrokerError) {
    do {
      try await session.onThrowawayChannel("declaring the exchange '\(exchange.name)'") {
        try await $0.declareExchange(exchange.name.rawValue, type: exchange.kind.rawValue)
      }
    } catch {
      throw Conflict.difference(error, subject: "exchange '\(exchange.name)'").map { BrokerError(conflict: [$0]) }
        ?? error
    }
  }

  private func declare(_ queue: Queue) async throws(BrokerError) {
    let arguments = try Arguments.of(queue)
    do {
      try await session.onThrowawayChannel("declaring the queue '\(queue.name)'") {
        _ = try await $0.declareQueue(queue.name.rawValue, arguments: arguments)
      }
    } catch {
      throw Conflict.difference(error, subject: "queue '\(queue.name)'").map { BrokerError(conflict: [$0]) } ?? error
    }
  }

  /// Declares the queue beside a queue in which suspects wait to run alone.
  func declareSuspects(of queue: QueueName) async throws(BrokerError) {
    if known.hasSuspects(of: queue) { return }
    let name = SystemNames.suspects(of: queue)
    try await session.onThrowawayChannel("declaring the queue '\(name)'") {
      _ = try await $0.declareQueue(name, arguments: Arguments.ofSuspects)
    }
    known.noteSuspects(of: queue)
  }

  /// Declares what a retry into this queue goes through: where that is not allowed, or there is no room for it, no worker begins.
  func declareWayBack(to queue: QueueName) async throws(BrokerError) {
    try await declareRelay(of: queue.rawValue)
    try await tryBucket()
  }

  /// Finds out whether this user may declare delay buckets, by one that goes at once: those that stay are made when they are needed.
  private func tryBucket() async throws(BrokerError) {
    if known.hasTriedBucket { return }
    let name = "\(SystemNames.bucketPrefix)\(UUID().uuidString)"
    try await session.onThrowawayChannel("declaring a delay bucket") { channel in
      _ = try await channel.declareQueue(name, durable: false, exclusive: true, autoDelete: true)
      _ = try await channel.deleteQueue(name)
    }
    known.noteTriedBucket()
  }

  /// Declares a delay bucket. It has an exchange of its own, so that the routing key stays the name of the target.
  func declareBucket(_ bucket: DelayBucket) async throws(BrokerError) {
    if known.hasBucket(bucket) { return }
    let name = SystemNames.bucket(bucket)
    try await session.onThrowawayChannel("declaring the delay bucket '\(name)'") {
      try await $0.declareExchange(name, type: "fanout")
      _ = try await $0.declareQueue(name, arguments: Arguments.ofBucket(bucket.milliseconds))
      try await $0.bindQueue(name, to: name)
    }
    known.note(bucket: bucket)
  }

  /// Declares the relay of a queue, by which its messages leave the delay buckets.
  ///
  /// A queue that dead-letters at least once has 32 messages on their way at a time. If a bucket gave its messages to the queues
  /// themselves, 32 for one that is deleted, full or without a leader would stop the retries and delays of all. Its relay always
  /// takes them, and holds up nothing but its own queue.
  func declareRelay(of queue: String) async throws(BrokerError) {
    if known.hasRelay(of: queue) { return }
    let name = SystemNames.relay(of: queue)
    try await session.onThrowawayChannel("declaring the relay '\(name)'") {
      _ = try await $0.declareQueue(name, arguments: Arguments.ofRelay(to: queue))
    }
    known.noteRelay(of: queue)
  }
}
