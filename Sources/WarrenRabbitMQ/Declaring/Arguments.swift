internal import AMQP
internal import Warren

/// The arguments that Warren declares its queues with. All are quorum queues.
enum Arguments {
  /// A net below the policy of the runtime, which isolates after 3 deaths and parks after 5. It must be given: nothing
  /// means 20 from 4.0 on, and -1 drops at the first return on 3.10.
  static let deliveryLimit: Int64 = 1000
  /// Each look at a dead-letter queue counts as a delivery.
  static let deliveryLimitOfDeadLetters: Int64 = 1_000_000

  /// Refuses what is published into a full queue instead of dropping its oldest message. At-least-once dead-lettering needs
  /// it too, and without it is silently not kept.
  private static let base: AMQPTable = ["x-queue-type": "quorum", "x-overflow": "reject-publish"]

  static func of(_ queue: Queue) throws(BrokerError) -> AMQPTable {
    var arguments = base
    if let target = queue.deadLetter {
      arguments["x-delivery-limit"] = .int64(deliveryLimit)
      arguments["x-dead-letter-exchange"] = .string(target.exchange?.name.rawValue ?? "")
      arguments["x-dead-letter-routing-key"] = .string(target.key.rawValue)
      arguments["x-dead-letter-strategy"] = "at-least-once"
    } else {
      arguments["x-delivery-limit"] = .int64(deliveryLimitOfDeadLetters)
    }
    if let time = queue.timeToLive {
      let milliseconds = time.milliseconds
      guard (0...Limits.longestTimer).contains(milliseconds) else {
        throw BrokerError(
          .invalid,
          "the time to live of the queue '\(queue.name)' is \(time): RabbitMQ takes 0 to 49 days, or none at all")
      }
      arguments["x-message-ttl"] = .int64(milliseconds)
    }
    return arguments
  }

  /// For `warren.suspect.<queue>`.
  static let ofSuspects: AMQPTable = {
    var arguments = base
    arguments["x-delivery-limit"] = .int64(deliveryLimitOfDeadLetters)
    return arguments
  }()

  /// For a delay bucket: what has lain there for so long goes to the queue that its routing key names.
  ///
  /// It is on all nodes of the cluster, and so is a relay: on three of more it could lose its majority while the others go on, and
  /// hold up the delays of queues that have theirs. What is beyond the number of nodes is no more than all.
  static func ofBucket(_ milliseconds: Int) -> AMQPTable {
    var arguments = base
    arguments["x-quorum-initial-group-size"] = .int64(9)
    arguments["x-delivery-limit"] = .int64(deliveryLimitOfDeadLetters)
    arguments["x-message-ttl"] = .int64(Int64(milliseconds))
    arguments["x-dead-letter-exchange"] = ""
    arguments["x-dead-letter-strategy"] = "at-least-once"
    return arguments
  }

  /// For a relay: what comes goes on to this queue at once, and waits here when the queue does not take it.
  static func ofRelay(to queue: String) -> AMQPTable {
    var arguments = ofBucket(0)
    arguments["x-dead-letter-routing-key"] = .string(queue)
    return arguments
  }
}
