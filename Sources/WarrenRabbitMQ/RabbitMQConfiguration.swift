public import Foundation
internal import Warren

/// What rarely needs to be said about a RabbitMQ engine.
public struct RabbitMQConfiguration: Sendable {
  /// How long a publish may take until it is confirmed, waiting for a broker that is away or short of memory included.
  public var publishDeadline: Duration = .seconds(30)
  /// How long a call waits for ``RabbitMQBroker/run()`` and the first connection before it fails.
  public var startDeadline: Duration = .seconds(10)
  /// Whether ``RabbitMQBroker/run()`` goes on trying while no node has answered yet, as a service does that may be started before
  /// its broker. A program that a person waits for gives up at once, with the reason.
  public var waitsForFirstConnection = true
  /// How long the end of a consumer may take to give back what is unsettled. What is not back by then comes back by
  /// itself when the channel closes, and counts as interrupted.
  public var releaseDeadline: Duration = .seconds(5)
  /// How often the connections say that they live. A broker that is silent for two of these counts as gone.
  public var heartbeat: Duration = .seconds(5)
  /// How long one node may take to accept a connection before the next is tried: a node that is frozen never does.
  public var connectDeadline: Duration = .seconds(5)
  /// The longest pause between two attempts to get back to a broker that is away.
  public var longestReconnectPause: Duration = .seconds(2)
  /// The `consumer_timeout` that is set at the broker, 30 minutes by default: after so long it takes an
  /// unsettled delivery away. A worker whose handlers may take longer does not begin. From RabbitMQ 4.0 on the management API
  /// tells, and this is not needed. `nil`: none is set.
  public var consumerTimeout: Duration? = .seconds(1800)
  /// Where the management API answers, such as `http://rabbit.internal:15672`; it gets the same user and password. `nil`:
  /// the host of the first URL at port 15672 (15671 for `amqps`). It may be absent: then some numbers are missing.
  public var management: URL?
  /// The name of this process in RabbitMQ's own pages; by default host, process id and program.
  public var connectionName: String?

  /// How often it is looked whether a handler holds its message for too long.
  var leaseCheckInterval: Duration = .seconds(10)

  /// The defaults.
  public init() {}

  /// Throws ``BrokerError/Code/invalid`` for what cannot be meant.
  func validate() throws(BrokerError) {
    for (what, time) in [
      ("publishDeadline", publishDeadline), ("startDeadline", startDeadline), ("releaseDeadline", releaseDeadline),
    ] where time < .zero {
      throw BrokerError(.invalid, "\(what) is \(time.words): give a time from zero on")
    }
    for (what, time) in [
      ("connectDeadline", connectDeadline), ("longestReconnectPause", longestReconnectPause),
      ("consumerTimeout", consumerTimeout ?? .seconds(1)),
    ] where time <= .zero {
      throw BrokerError(.invalid, "\(what) is \(time.words): give a time above zero")
    }
  }
}
