/// What a ``QueuePump`` is to do: decides, and does no I/O.
///
/// A pump is wanted until its queue or its worker is paused, its worker stops it, or it is ended; after a pause it may be wanted
/// again. Meanwhile it
/// goes through subscriptions, one after the other. Below RabbitMQ 4.3 the end of a subscription has a rule of its own: an
/// acknowledgement makes the queue send more, and what it sends while it is told of the end it takes back by itself, which counts
/// as a delivery without an outcome. So acknowledgements are postponed from then on, and the broker is told when what the
/// earlier ones let through has arrived (``mayUnsubscribe(ready:)``).
struct PumpMachine<Delivery: Sendable>: Sendable {
  /// Where the present subscription stands.
  enum Phase: Sendable, Equatable {
    case idle
    case subscribed
    case unsubscribing
  }
  private(set) var phase = Phase.idle
  /// Whether an operator has paused the queue.
  private(set) var isPaused = false
  /// Whether the worker wants nothing for a while.
  private(set) var isPausedByWorker = false
  /// The worker wants nothing more; what is out can still be settled.
  private(set) var isStopped = false
  /// Nothing comes any more.
  private(set) var isEnded = false
  /// Counts the subscriptions.
  private(set) var subscription = 0
  /// How many deliveries of the present subscription the broker has no acknowledgement for.
  private(set) var unacknowledged = 0
  private(set) var postponed: [Delivery] = []
  private var window = 0

  /// Whether deliveries are wanted.
  var isWanted: Bool { !isPaused && !isPausedByWorker && !isStopped && !isEnded }
  /// Whether whatever still settles should come to an end.
  var isStopping: Bool { isStopped || isEnded }
  /// Whether nothing comes, or soon something will be wanted again.
  var isQuiet: Bool { isWanted || phase == .idle }
  /// Whether the broker is to be told that nothing more is wanted.
  var isSurplus: Bool { phase == .subscribed && !isWanted }

  mutating func setPaused(_ isPaused: Bool) { self.isPaused = isPaused }
  mutating func setPausedByWorker(_ isPaused: Bool) { isPausedByWorker = isPaused }
  mutating func stop() { isStopped = true }
  mutating func end() { isEnded = true }

  /// A subscription begins; its deliveries count toward a window of this size.
  mutating func subscribed(window: Int) {
    subscription += 1
    unacknowledged = 0
    self.window = window
    phase = .subscribed
  }

  /// The broker is about to be told. From here on acknowledgements are postponed where `postponing` says so. `false`: there
  /// is nothing to tell.
  mutating func beginUnsubscribing() -> Bool {
    guard isSurplus else { return false }
    phase = .unsubscribing
    return true
  }

  /// The subscription is over, however it ended. Returns what is to be acknowledged now.
  mutating func unsubscribed() -> [Delivery] {
    phase = .idle
    unacknowledged = 0
    defer { postponed = [] }
    return postponed
  }

  /// Deliveries of the present subscription have arrived.
  mutating func arrived(_ count: Int) { unacknowledged += count }

  /// The connection or channel was lost: the broker takes back what was out, and what was postponed is the broker's.
  mutating func lost() {
    unacknowledged = 0
    postponed = []
  }

  /// Whether a delivery of this subscription may be acknowledged now; if not, it is kept until ``unsubscribed()``.
  mutating func mayAcknowledge(_ delivery: Delivery, of subscription: Int, postponing: Bool) -> Bool {
    if postponing, phase == .unsubscribing {
      postponed.append(delivery)
      return false
    }
    if subscription == self.subscription { unacknowledged = max(0, unacknowledged - 1) }
    return true
  }

  /// Whether all that the queue had to send has arrived: either it has nothing more (`ready` messages wait in it), or it may
  /// not send more.
  func mayUnsubscribe(ready: Int) -> Bool { ready == 0 || unacknowledged >= window }
}
