internal import Synchronization
internal import Warren

/// What this process has declared or seen on the broker. It spares round trips and tells what AMQP cannot be asked; the
/// broker stays the truth, so a part that relies on it forgets what turns out to be gone.
final class KnownTopology: Sendable {
  private struct State {
    var queues: [QueueName: Queue] = [:]
    var asked: [QueueName: Set<Binding>] = [:]
    var exchanges: Set<ExchangeName> = []
    var seenQueues: Set<QueueName> = []
    var buckets: Set<DelayBucket> = []
    var relays: Set<String> = []
    var suspects: Set<QueueName> = []
    var holdings: [QueueName: Duration] = [:]
    var pauses: [QueueName: (isPaused: Bool, seen: ContinuousClock.Instant)] = [:]
    var timeouts: [QueueName: Duration] = [:]
    var largestBody = Limits.largestBody
    var hasTriedBucket = false
  }
  private let state = Mutex(State())

  func note(_ topology: Topology) {
    state.withLock { state in
      for exchange in topology.exchanges { state.exchanges.insert(exchange.name) }
      for queue in topology.queues {
        state.queues[queue.name] = queue
        state.seenQueues.insert(queue.name)
        state.asked[queue.name, default: []].formUnion(topology.bindings.filter { $0.queue == queue.name })
      }
    }
  }

  /// The bindings that the topologies which were applied have, by the name of the queue.
  var asked: [QueueName: Set<Binding>] { state.withLock { $0.asked } }

  /// Forgets a queue that was deleted.
  func forget(_ queue: QueueName) {
    state.withLock { state in
      state.queues[queue] = nil
      state.asked[queue] = nil
      state.seenQueues.remove(queue)
      state.suspects.remove(queue)
      state.pauses[queue] = nil
    }
  }

  /// Forgets a binding that was removed.
  func forget(_ binding: Binding) { state.withLock { _ = $0.asked[binding.queue]?.remove(binding) } }

  /// The queues of the topologies that were applied.
  var queues: [QueueName: Queue] { state.withLock { $0.queues } }

  /// Where the dead letters of a queue go; `nil` when it holds dead letters itself. A queue that this process was never
  /// told about is taken to follow the default, `NAME.dlq`.
  func deadLetterTarget(of queue: QueueName) -> DeadLetterTarget? {
    let known = state.withLock { $0.queues[queue] }
    return known.map(\.deadLetter) ?? Queue(queue).deadLetter
  }

  /// The queue whose dead letters lie in this one, when there is just one such queue.
  func origin(of deadLetters: QueueName) -> QueueName? {
    let origins = state.withLock { $0.queues.values.filter { $0.deadLetter?.queue == deadLetters }.map(\.name) }
    return origins.count == 1 ? origins[0] : nil
  }

  func knows(_ exchange: ExchangeName) -> Bool { state.withLock { $0.exchanges.contains(exchange) } }
  func note(_ exchange: ExchangeName) { state.withLock { _ = $0.exchanges.insert(exchange) } }
  func forget(_ exchange: ExchangeName) { state.withLock { _ = $0.exchanges.remove(exchange) } }

  func hasSeen(_ queue: QueueName) -> Bool { state.withLock { $0.seenQueues.contains(queue) } }
  func noteSeen(_ queue: QueueName) { state.withLock { _ = $0.seenQueues.insert(queue) } }

  func hasBucket(_ bucket: DelayBucket) -> Bool { state.withLock { $0.buckets.contains(bucket) } }
  func note(bucket: DelayBucket) { state.withLock { _ = $0.buckets.insert(bucket) } }
  func forget(bucket: DelayBucket) { state.withLock { _ = $0.buckets.remove(bucket) } }
  /// The longest of the declared buckets of this kind that is not longer.
  func bucket(notLongerThan bucket: DelayBucket) -> DelayBucket? {
    state.withLock { state in
      state.buckets.filter {
        $0.isForHighPriority == bucket.isForHighPriority && $0.milliseconds <= bucket.milliseconds
      }
      .max { $0.milliseconds < $1.milliseconds }
    }
  }

  func hasRelay(of queue: String) -> Bool { state.withLock { $0.relays.contains(queue) } }
  func noteRelay(of queue: String) { state.withLock { _ = $0.relays.insert(queue) } }
  func forgetRelay(of queue: String) { state.withLock { _ = $0.relays.remove(queue) } }

  func hasSuspects(of queue: QueueName) -> Bool { state.withLock { $0.suspects.contains(queue) } }
  func noteSuspects(of queue: QueueName) { state.withLock { _ = $0.suspects.insert(queue) } }
  func forgetSuspects(of queue: QueueName) { state.withLock { _ = $0.suspects.remove(queue) } }

  /// Whether a queue was paused, if that was looked at within a minute.
  func pause(of queue: QueueName) -> Bool? {
    state.withLock { $0.pauses[queue].flatMap { $0.seen.duration(to: .now) < .seconds(60) ? $0.isPaused : nil } }
  }
  func note(pause isPaused: Bool, of queue: QueueName) { state.withLock { $0.pauses[queue] = (isPaused, .now) } }

  /// How long the consumers of a queue say that they may hold a delivery; `nil`: they say nothing.
  func holding(of queue: QueueName) -> Duration? { state.withLock { $0.holdings[queue] } }
  func note(holding: Duration?, of queue: QueueName) { state.withLock { $0.holdings[queue] = holding } }

  /// Whether this user was found to be allowed to declare delay buckets.
  var hasTriedBucket: Bool { state.withLock { $0.hasTriedBucket } }
  func noteTriedBucket() { state.withLock { $0.hasTriedBucket = true } }

  /// The most bytes in a body: less than Warren lets through where the broker was found to take less.
  var largestBody: Int { state.withLock { $0.largestBody } }
  /// `false` when it is no news.
  @discardableResult
  func note(largestBody: Int) -> Bool {
    state.withLock { state in
      if largestBody >= state.largestBody { return false }
      state.largestBody = largestBody
      return true
    }
  }

  /// After how long the broker took deliveries of a queue away.
  var timeouts: [QueueName: Duration] { state.withLock { $0.timeouts } }
  func note(timeout: Duration, of queue: QueueName) { state.withLock { $0.timeouts[queue] = timeout } }
}
