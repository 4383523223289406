/// How a worker takes from a queue. What is `nil` was not said.
struct QueueSettings: Sendable, Equatable {
  var concurrency: Int?
  var prefetch: Int?
  var timeout: Duration?

  /// How many handlers run at once: what was said, else one for each delivery that may be prefetched, else 10.
  var lanes: Int { concurrency ?? prefetch ?? 10 }
  /// How many deliveries may be unsettled: what was said, else twice as many as handlers run, so that none waits for one.
  var window: Int { prefetch ?? 2 * lanes }

  /// How many handlers' times a delivery may have to last: it waits while those before it are handled.
  var turns: Int { (window + lanes - 1) / lanes }

  func validate(_ queue: QueueName) throws(BrokerError) {
    for (what, value) in [("concurrency", concurrency), ("prefetch", prefetch)] {
      guard let value, !(1...65_535).contains(value) else { continue }
      throw BrokerError(.invalid, "the \(what) of '\(queue)' is \(value): it must be 1 to 65,535")
    }
  }

  /// Both together: several handlers can share a queue, if they agree.
  func merging(_ other: QueueSettings, queue: QueueName) throws(BrokerError) -> QueueSettings {
    func one(_ a: Int?, _ b: Int?, _ what: String) throws(BrokerError) -> Int? {
      guard let a, let b, a != b else { return a ?? b }
      throw BrokerError(.invalid, "two handlers of '\(queue)' ask for different \(what): \(a) and \(b)")
    }
    return QueueSettings(
      concurrency: try one(concurrency, other.concurrency, "concurrency"),
      prefetch: try one(prefetch, other.prefetch, "prefetch"))
  }
}

/// What of a ``Worker`` can say how its queue is worked on.
public protocol QueueConfigurable: Sendable {
  /// The same, with the settings changed.
  func with(concurrency: Int?, prefetch: Int?, timeout: Duration?) -> Self
}

extension QueueConfigurable {
  /// How many messages are handled at once by this worker; as many as are prefetched, or 10, unless it is said.
  public func concurrency(_ count: Int) -> Self { with(concurrency: count, prefetch: nil, timeout: nil) }
  /// How many messages the worker may hold at once, those being handled included; twice the concurrency unless it is said.
  public func prefetch(_ count: Int) -> Self { with(concurrency: nil, prefetch: count, timeout: nil) }
  /// How long a handler may take. Then its task is cancelled, and if it ends with an error that is a failed attempt.
  ///
  /// A worker does not begin when the engine would take a message away before that (see ``LeasingBroker``): on RabbitMQ after
  /// its `consumer_timeout`, 30 minutes by default, the wait behind other messages of the prefetch included.
  public func timeout(_ time: Duration) -> Self { with(concurrency: nil, prefetch: nil, timeout: time) }
}

extension QueueSettings {
  mutating func set(concurrency: Int?, prefetch: Int?, timeout: Duration?) {
    self.concurrency = concurrency ?? self.concurrency
    self.prefetch = prefetch ?? self.prefetch
    self.timeout = timeout ?? self.timeout
  }
}

extension On: QueueConfigurable {
  /// See ``QueueConfigurable``.
  public func with(concurrency: Int?, prefetch: Int?, timeout: Duration?) -> Self {
    var copy = self
    copy.settings.set(concurrency: concurrency, prefetch: prefetch, timeout: timeout)
    return copy
  }
}
