internal import Warren

/// One call of `consume`.
struct RunningConsumer: Sendable {
  let open: OpenDeliveries
  let pumps: [QueuePump]
  let consumer: Consumer
  var queue: QueueName { open.queue }

  /// Hands out nothing more, or goes on. When it returns after a pause, the broker sends nothing more.
  func setPaused(_ isPaused: Bool) async { for pump in pumps { await pump.setPaused(isPaused) } }
}

/// The consumers of this process, so that a settlement finds its delivery and a pause its consumers.
final class RunningConsumers: Sendable {
  private struct State {
    var all: [Int64: RunningConsumer] = [:]
    var lastID: Int64 = 0
  }
  private let state = Watched(State())
  private let served = OpenConsumers()

  func nextID() -> Int64 {
    state.withValue { state in
      state.lastID += 1
      return state.lastID
    }
  }
  func add(_ consumer: RunningConsumer) {
    state.withValue { $0.all[consumer.open.id] = consumer }
    served.add(consumer.consumer)
  }
  func remove(_ consumer: RunningConsumer) {
    state.withValue { $0.all[consumer.open.id] = nil }
    served.remove(consumer.consumer)
  }
  /// Stops all of them, and returns when they have ended.
  func drain() async { await served.drain() }
  /// Returns once this process consumes something.
  func waitForAny() async { await state.wait { !$0.all.isEmpty } }

  func open(_ id: Int64) -> OpenDeliveries? { state.withValue { $0.all[id]?.open } }
  var all: [RunningConsumer] { state.withValue { Array($0.all.values) } }
  func all(of queue: QueueName) -> [RunningConsumer] { all.filter { $0.queue == queue } }

  /// How many deliveries of a queue this process holds.
  func running(_ queue: QueueName) -> Int { all(of: queue).reduce(0) { $0 + $1.open.count } }
  /// How many consumers this process has on a queue at the moment, suspects not counted.
  func count(of queue: QueueName) -> Int {
    all(of: queue).reduce(0) { $0 + ($1.pumps.contains { !$0.isForSuspects && $0.isSubscribed } ? 1 : 0) }
  }
}
