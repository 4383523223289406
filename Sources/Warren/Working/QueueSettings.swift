/// How a worker takes from a queue. What is `nil` was not specified.
struct QueueSettings: Sendable, Equatable {
  var concurrency: Int?
  var prefetch: Int?
  var timeout: Duration?

  /// How many handlers run at once: the concurrency, else one for each delivery that may be prefetched, else 10.
  var slots: Int { concurrency ?? prefetch ?? 10 }
  /// How many deliveries may be unsettled: the prefetch, else twice as many as handlers run, so that no handler waits for
  /// a delivery.
  var window: Int { prefetch ?? min(2 * slots, 65_535) }

  /// How many handlers' times a delivery may have to last: it waits while those before it are handled.
  var turns: Int { (window + slots - 1) / slots }

  func validate(_ queue: QueueName) throws(BrokerError) {
    for (what, value) in [("concurrency", concurrency), ("prefetch", prefetch)] {
      guard let value, !(1...65_535).contains(value) else { continue }
      throw BrokerError(.invalid, "the \(what) of '\(queue)' is \(value): it must be 1 to 65,535")
    }
    if let concurrency, let prefetch, prefetch < concurrency {
      throw BrokerError(
        .invalid,
        "'\(queue)' has a concurrency of \(concurrency) and a prefetch of \(prefetch), so that never more than \(prefetch) would be "
          + "handled at once: raise the prefetch, or lower the concurrency")
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

/// A part of a ``Worker`` that has settings for its queue.
public protocol QueueConfigurable: Sendable {
  /// The same, with the settings changed.
  func with(concurrency: Int?, prefetch: Int?, timeout: Duration?) -> Self
}

extension QueueConfigurable {
  /// How many messages are handled at once by this worker; by default as many as are prefetched, or 10.
  public func concurrency(_ count: Int) -> Self { with(concurrency: count, prefetch: nil, timeout: nil) }
  /// How many messages the worker may hold at once, those being handled included; by default twice the
  /// concurrency.
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
