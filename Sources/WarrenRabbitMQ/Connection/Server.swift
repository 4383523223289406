internal import AMQP

/// What the broker is and can do. Versions are told apart here and nowhere else.
struct Server: Sendable, Equatable {
  /// Such as `4.0.5`; `nil` when the broker does not say.
  let version: String?
  private let number: [Int]

  init(version: String?) {
    self.version = version
    // A broker that hides its version is taken for the oldest: what holds there holds everywhere.
    number = (version ?? "3.10").split(separator: ".").prefix(3).map { Int($0.prefix { $0.isNumber }) ?? 0 }
  }

  init(properties: AMQPTable) { self.init(version: properties["version"]?.string) }

  private func isAtLeast(_ major: Int, _ minor: Int) -> Bool { !number.lexicographicallyPrecedes([major, minor]) }

  /// `RabbitMQ 4.0.5`.
  var name: String { version.map { "RabbitMQ \($0)" } ?? "RabbitMQ" }
  /// Whether a quorum queue hands out the higher priority first. On 4.0 to 4.2 there are two classes, before that none.
  var ordersByPriority: Bool { isAtLeast(4, 3) }
  /// Whether an expired message waits behind one of higher priority, as on 4.0 to 4.2: two classes, and only the one that is
  /// next is looked at.
  var priorityHoldsBackExpiry: Bool { isAtLeast(4, 0) && !isAtLeast(4, 3) }
  /// Whether a nack is free: before 4.3 it counts toward `x-delivery-limit` and shows as an interruption.
  var givesBackFreely: Bool { isAtLeast(4, 3) }
  /// Whether a quorum queue that says nothing lets a message be delivered 20 times.
  var limitsDeliveriesByDefault: Bool { isAtLeast(4, 0) }
  /// Whether a channel to which a queue refused a message goes on refusing when the policy that made the queue full is gone.
  var remembersRefusals: Bool { !isAtLeast(4, 0) }
  /// Whether messages that come back together keep their order, however many they are. Before, more than 33 do not.
  var ordersReturns: Bool { isAtLeast(4, 0) }
  /// Whether a queue's argument or policy sets its own `consumer_timeout`, in place of the broker's.
  var queuesHaveTimeouts: Bool { isAtLeast(4, 0) }
  /// Whether a consumer sets its own in place of both; and a classic queue has none any more.
  var consumersHaveTimeouts: Bool { isAtLeast(4, 3) }
  /// Whether Warren is tested with it: 3.10 is the first whose quorum queues dead-letter at least once.
  var isSupported: Bool { version == nil || isAtLeast(3, 10) }
}
