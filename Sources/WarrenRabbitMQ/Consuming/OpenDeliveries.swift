internal import AMQP
internal import Synchronization
internal import Warren

/// All consumers of this process, so that a settlement finds its delivery.
final class Consumption: Sendable {
  private let state = Mutex((scopes: [Int64: ConsumerScope](), lastID: Int64(0)))

  func open(_ queue: QueueName, prefetch: Int) -> ConsumerScope {
    state.withLock { state in
      state.lastID += 1
      let scope = ConsumerScope(id: state.lastID, queue: queue, prefetch: prefetch)
      state.scopes[state.lastID] = scope
      return scope
    }
  }
  func close(_ scope: ConsumerScope) {
    state.withLock { $0.scopes[scope.id] = nil }
    scope.dropLanes()
  }

  func scope(_ id: Int64) -> ConsumerScope? { state.withLock { $0.scopes[id] } }
  var scopes: [ConsumerScope] { state.withLock { Array($0.scopes.values) } }
  func scopes(of queue: QueueName) -> [ConsumerScope] { scopes.filter { $0.queue == queue } }

  /// How many deliveries of a queue this process holds.
  func running(_ queue: QueueName) -> Int { scopes(of: queue).reduce(0) { $0 + $1.running } }
  /// How many consumers this process has on a queue at the moment, suspects not counted.
  func consumers(of queue: QueueName) -> Int {
    scopes(of: queue).reduce(0) { $0 + ($1.lanes.contains { !$0.isForSuspects && $0.isConsuming } ? 1 : 0) }
  }
}

/// A delivery that nobody has settled yet, as it came from the broker.
struct Held: Sendable {
  let delivery: AMQPDelivery
  let lane: Lane

  init(_ delivery: AMQPDelivery, _ lane: Lane) {
    self.delivery = delivery
    self.lane = lane
  }

  /// What it has been through. Read off the headers when it is asked for, as what is completed needs it once.
  ///
  /// Of the deliveries of a suspect one counts at most: see ``isReturned``.
  var history: History {
    History(delivery.headers, deliveries: isSuspect ? min(delivery.deliveriesInVain, 1) : delivery.deliveriesInVain)
  }
  /// Whether it is a suspect that came back. It is copied once more before anybody handles it, and the copy says how many
  /// deaths there were. So a death counts when somebody lived to tell, and consumers that were gone already when the broker
  /// offered them the message, as after a power cut, count as one together.
  var isReturned: Bool { isSuspect && delivery.deliveriesInVain > 0 }
  /// How it was published.
  var route: Route { Route(delivery) }

  /// Whether it came from among the suspects, where it stays.
  var isSuspect: Bool { lane.isForSuspects }
  /// Tells the broker that the message is done, or is safe elsewhere.
  func acknowledge() -> SettleResult { lane.acknowledge(delivery) }
}

/// One call of `consume`: its deliveries, and the lanes that bring them.
final class ConsumerScope: Sendable {
  private struct State {
    var held: [Int64: Held] = [:]
    var lastNumber: Int64 = 0
    var isClosed = false
    var lanes: [Lane] = []
    var isolations = 0
  }
  let id: Int64
  let queue: QueueName
  let consumer: Consumer
  private let state = Mutex(State())

  init(id: Int64, queue: QueueName, prefetch: Int) {
    self.id = id
    self.queue = queue
    let stopped = StopRelay()
    consumer = Consumer(queue: queue, prefetch: prefetch) { stopped.stop() }
    stopped.scope.withLock { $0 = WeakScope(scope: self) }
  }

  /// The consumer exists before the scope that its end is told to.
  private final class StopRelay: Sendable {
    let scope = Mutex(WeakScope(scope: nil))
    func stop() { for lane in scope.withLock({ $0.scope })?.lanes ?? [] { lane.stop() } }
  }
  private struct WeakScope { weak var scope: ConsumerScope? }

  var lanes: [Lane] { state.withLock { $0.lanes } }
  func add(_ lane: Lane) { state.withLock { $0.lanes.append(lane) } }
  /// They know each other, so somebody has to forget.
  func dropLanes() { state.withLock { $0.lanes = [] } }

  var running: Int { state.withLock { $0.held.count } }

  /// Notes a delivery and makes what the worker gets.
  func hold(_ delivery: AMQPDelivery, _ lane: Lane) -> Delivery {
    let held = Held(delivery, lane)
    let number = state.withLock { state in
      state.lastNumber += 1
      state.held[state.lastNumber] = held
      return state.lastNumber
    }
    let route = held.route
    return Delivery(
      message: Message(delivery), queue: queue, exchange: route.exchangeName,
      routingKey: RoutingKey(route.routingKey), history: held.history, isSuspect: held.isSuspect,
      token: .init(scope: id, number: number, fence: 0))
  }

  /// Takes out a delivery to settle it: whoever has it settles it alone.
  func take(_ number: Int64) -> Held? { state.withLock { $0.held.removeValue(forKey: number) } }
  /// Puts back what could not be settled.
  func putBack(_ held: Held, _ number: Int64) { state.withLock { if !$0.isClosed { $0.held[number] = held } } }

  /// Runs the isolation of a suspect that came by a lane, up to the moment when its acknowledgement is with the broker.
  func isolating<Result>(from lane: Lane, _ body: () async -> Result) async -> Result {
    state.withLock { $0.isolations += 1 }
    let result = await body()
    await lane.makeRoundTrip()
    state.withLock { $0.isolations -= 1 }
    return result
  }
  /// Whether a suspect is on its way. If it came back and killed this process before its first self is acknowledged, there
  /// would be two of it.
  var isIsolating: Bool { state.withLock { $0.isolations > 0 } }

  /// Takes out everything, in the order of arrival. After that nothing can be settled.
  func close() -> [Held] {
    state.withLock { state in
      state.isClosed = true
      defer { state.held = [:] }
      return state.held.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  /// Forgets what was lost with a connection: the broker hands it out again.
  func dropLost() { state.withLock { state in state.held = state.held.filter { $0.value.delivery.isCurrent } } }
}
