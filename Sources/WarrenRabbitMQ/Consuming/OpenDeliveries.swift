internal import AMQP
internal import Foundation
internal import Warren

/// A delivery that has not been settled yet, as it came from the broker.
struct HeldDelivery: Sendable {
  let delivery: AMQPDelivery
  let pump: QueuePump
  /// Which of the pump's subscriptions brought it.
  let subscription: Int
  /// When.
  let since = ContinuousClock.now

  /// What it has been through. Read off the headers when it is asked for, as what is completed needs it once.
  ///
  /// Of the deliveries of a suspect one counts at most: see ``isReturned``.
  var history: History {
    let deliveries = delivery.deliveriesWithoutOutcome
    return History(delivery.headers, deliveries: isSuspect ? min(deliveries, 1) : deliveries)
  }
  /// Whether it is a suspect that came back. It is copied once more before any handler sees it, and the copy says how many
  /// deaths there were. So a death counts when a worker lived to tell, and consumers that were gone already when the broker
  /// offered them the message, as after a power cut, count as one together.
  var isReturned: Bool { isSuspect && delivery.deliveriesWithoutOutcome > 0 }
  /// Until when it was delayed last.
  var due: Date? { delivery.headers[HeaderNames.due]?.integer.map(Date.init(milliseconds:)) }
  /// How it was published.
  var route: Route { Route(delivery) }
  /// The AMQP queue that it came from.
  var queue: String { pump.queue }
  /// Whether it came from among the suspects, where it stays.
  var isSuspect: Bool { pump.isForSuspects }
  /// Whether its connection and channel still live.
  var isCurrent: Bool { delivery.isCurrent }

  /// Tells the broker that the message is done, or is safe elsewhere.
  func acknowledge() -> SettleResult { pump.acknowledge(self) }
}

/// What one consumer has handed out and what is not settled yet.
final class OpenDeliveries: Sendable {
  private struct State {
    var held: [Int64: HeldDelivery] = [:]
    var lastNumber: Int64 = 0
    /// Those that the consumer did not take, as it had stopped.
    var refused: Set<Int64> = []
    var isClosed = false
    var isolations = 0
  }
  let id: Int64
  let queue: QueueName
  private let state = Watched(State())

  init(id: Int64, queue: QueueName) {
    self.id = id
    self.queue = queue
  }

  /// How many there are.
  var count: Int { state.withValue { $0.held.count } }

  /// Notes a delivery and makes what the worker gets.
  func add(_ held: HeldDelivery) -> Delivery {
    let number = state.withValue { state in
      state.lastNumber += 1
      state.held[state.lastNumber] = held
      return state.lastNumber
    }
    let route = held.route
    return Delivery(
      message: Message(held.delivery), queue: queue, exchange: route.exchangeName,
      routingKey: RoutingKey(route.routingKey), history: held.history, due: held.due, isSuspect: held.isSuspect,
      token: .init(scope: id, number: number, fence: 0))
  }

  /// Whether a delivery is here: it was neither settled nor lost.
  func holds(_ number: Int64) -> Bool { state.withValue { $0.held[number] != nil } }
  /// Takes out a delivery to settle it: the task that has it settles it alone.
  func take(_ number: Int64) -> HeldDelivery? { state.withValue { $0.held.removeValue(forKey: number) } }
  /// Puts back what could not be settled.
  func putBack(_ held: HeldDelivery, _ number: Int64) {
    state.withValue { if !$0.isClosed { $0.held[number] = held } }
  }

  /// Whether anything is held for longer.
  func hasHeld(longerThan time: Duration) -> Bool {
    let begin = ContinuousClock.now - time
    return state.withValue { $0.held.values.contains { $0.since < begin } }
  }
  /// Takes out what is held for longer, and still could be settled.
  func take(heldLongerThan time: Duration) -> [(number: Int64, held: HeldDelivery)] {
    let begin = ContinuousClock.now - time
    return state.withValue { state in
      let overdue = state.held.filter { $0.value.since < begin && $0.value.isCurrent }.sorted { $0.key < $1.key }
      for (number, _) in overdue { state.held[number] = nil }
      return overdue.map { ($0.key, $0.value) }
    }
  }

  /// Notes deliveries that came too late for their consumer.
  func noteRefused(_ deliveries: [Delivery]) {
    if !deliveries.isEmpty { state.withValue { $0.refused.formUnion(deliveries.map(\.token.number)) } }
  }
  /// Takes out what was handed out and not begun, in the order of arrival: these, and what was refused.
  func takeUnbegun(_ revoked: [Delivery]) -> [HeldDelivery] {
    state.withValue { state in
      let unbegun = state.refused.union(revoked.map(\.token.number))
      state.refused = []
      return unbegun.sorted().compactMap { state.held.removeValue(forKey: $0) }
    }
  }

  /// Runs the isolation of a delivery, up to the moment when its acknowledgement is with the broker.
  func isolating<Result>(_ held: HeldDelivery, _ body: () async -> Result) async -> Result {
    state.withValue { $0.isolations += 1 }
    let result = await body()
    await held.pump.makeRoundTrip()
    state.withValue { $0.isolations -= 1 }
    return result
  }
  /// Returns when no isolation is under way. If a suspect came back and killed this process before its first self is
  /// acknowledged, there would be two of it.
  func waitForIsolations() async { await state.wait { $0.isolations == 0 } }

  /// Takes out everything, in the order of arrival. After that nothing can be settled.
  func close() -> [HeldDelivery] {
    state.withValue { state in
      state.isClosed = true
      defer { state.held = [:] }
      return state.held.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  /// Forgets what was lost with a connection or channel: the broker hands it out again. Returns the numbers of those.
  @discardableResult
  func dropLost() -> Set<Int64> {
    state.withValue { state in
      let lost = state.held.filter { !$0.value.isCurrent }
      for number in lost.keys { state.held[number] = nil }
      return Set(lost.keys)
    }
  }
}

extension SettleResult {
  init(_ settlement: AMQPSettlement) { self = settlement == .accepted ? .settled : .stale }
}
