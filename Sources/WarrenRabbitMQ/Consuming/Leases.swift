internal import AMQP
internal import Warren

/// RabbitMQ's `consumer_timeout`: after so long it takes an unsettled delivery away from a consumer that lives.
///
/// What holds is told by the management API in part: from 4.0 on what a queue's argument or policy says, and the broker's own
/// value beside each consumer. Before, it is told nowhere, and ``RabbitMQConfiguration/consumerTimeout`` is believed.
struct Leases: Sendable {
  let session: Session
  let known: KnownTopology

  /// How long a delivery of this queue may be held. From 4.3 on a consumer of a quorum queue may ask for its own time.
  ///
  /// What the worker wants is said to the broker with each consumer, so that `doctor` sees it from another process: before 4.3
  /// that has no other effect.
  func lease(of queue: QueueName, wanted: Duration) async throws(BrokerError) -> Lease? {
    let limit = await timeout(of: queue, await session.management.queue(queue.rawValue))
    guard session.server.consumersHaveTimeouts else {
      known.note(holding: wanted, of: queue)
      return limit?.lease
    }
    guard let limit, limit.lease.duration < wanted else { return limit?.lease }
    // A classic queue, which has no timeout there, refuses a consumer that asks for one.
    let isQuorum = known.queues[queue].map { !$0.isAdopted } ?? false
    guard limit.isQuorum || isQuorum else { return limit.lease }
    known.note(holding: wanted, of: queue)
    return Lease(wanted, source: "the consumer's argument x-consumer-timeout", fix: limit.lease.fix)
  }

  /// How long a delivery of this queue may be held by the consumers of this process; `nil`: for ever, or that is not known.
  func limit(of queue: QueueName) async -> Duration? {
    if session.server.consumersHaveTimeouts, let asked = known.holding(of: queue) { return asked }
    return await timeout(of: queue, await session.management.queue(queue.rawValue))?.lease.duration
  }

  /// What is known of the timeout of a queue.
  struct Timeout {
    var lease: Lease
    /// Whether it is only believed.
    var isAssumed = false
    /// Whether the queue is known for a quorum queue.
    var isQuorum = false
  }

  /// `nil`: there is none.
  func timeout(of queue: QueueName, _ shown: ManagementAPI.QueueInfo?) async -> Timeout? {
    let isQuorum = shown?.kind == "quorum"
    if session.server.consumersHaveTimeouts, shown?.kind == "classic" { return nil }
    if session.server.queuesHaveTimeouts, let own = shown?.consumerTimeout {
      return Timeout(
        lease: Lease(.milliseconds(own.milliseconds), source: own.source, fix: "raise it there"), isQuorum: isQuorum)
    }
    let policy =
      session.server.queuesHaveTimeouts
      ? "`rabbitmqctl set_policy slow '^\(queue)$' '{\"consumer-timeout\": MILLISECONDS}' --apply-to queues`, or " : ""
    if session.server.queuesHaveTimeouts, let milliseconds = await brokersOwn() {
      return Timeout(
        lease: Lease(
          .milliseconds(milliseconds), source: "the broker's consumer_timeout",
          fix: "\(policy)consumer_timeout in rabbitmq.conf"), isQuorum: isQuorum)
    }
    return session.configuration.consumerTimeout.map {
      Timeout(
        lease: Lease(
          $0, source: "RabbitMQConfiguration.consumerTimeout (the broker itself does not tell its consumer_timeout)",
          fix: "\(policy)consumer_timeout in rabbitmq.conf, and the same in RabbitMQConfiguration.consumerTimeout"),
        isAssumed: true, isQuorum: isQuorum)
    }
  }

  /// The broker's own limit in milliseconds; `nil`: nothing tells it.
  private func brokersOwn() async -> Int? {
    let consumers = await session.management.consumers() ?? []
    if let shown = Self.brokersOwn(consumers, limited: nil) { return shown }
    guard !consumers.isEmpty, let queues = await session.management.queues() else { return nil }
    return Self.brokersOwn(consumers, limited: Set(queues.filter { $0.consumerTimeout != nil }.map(\.name)))
  }

  /// The management API shows beside each consumer what holds for its queue. Only those whose queue has no limit of its own tell the
  /// broker's: a neighbour with a short one must not keep a worker from beginning.
  ///
  /// Processes of Warren listen for announcements, each on a queue that it declares without a limit, so mostly no list of queues has
  /// to be asked for. `limited` are those with a limit of their own.
  static func brokersOwn(_ consumers: [ManagementAPI.ConsumerInfo], limited: Set<String>?) -> Int? {
    let telling = consumers.filter { consumer in
      limited.map { !$0.contains(consumer.queueName) } ?? consumer.queueName.hasPrefix(SystemNames.control)
    }
    return telling.compactMap(\.consumerTimeout).min()
  }

  /// The arguments of a consumer: how long it may hold a delivery, where a worker has said so.
  func consumerArguments(of queue: QueueName) -> AMQPTable {
    guard let holding = known.holding(of: queue) else { return [:] }
    return ["x-consumer-timeout": .int64(holding.milliseconds)]
  }

  /// Remembers when the broker closed a channel because a delivery was held too long: then it says how long it lets be.
  func noteTimeout(_ error: any Error, _ queue: QueueName) {
    guard let error = error as? AMQPError, error.replyCode == 406, let text = error.replyText,
      let range = text.firstRange(of: "Timeout value used: "),
      let milliseconds = Int(text[range.upperBound...].prefix { $0.isNumber })
    else { return }
    known.note(timeout: .milliseconds(milliseconds), of: queue)
  }
}
