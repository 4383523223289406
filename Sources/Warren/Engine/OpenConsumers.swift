/// The consumers that an engine serves, for its stop in good order: none of them may find the engine gone while it works.
///
/// A service group stops one service after the other, in an order that the application has chosen. Whether the worker or its
/// broker is told first, the broker is the last to go.
package final class OpenConsumers: Sendable {
  private struct State {
    var open: [ObjectIdentifier: Consumer] = [:]
    var isDraining = false
  }
  private let state = Watched(State())

  /// None.
  package init() {}

  /// Notes a consumer that begins. One that comes while the engine stops is stopped at once.
  package func add(_ consumer: Consumer) {
    let isLate = state.withValue { state in
      state.open[ObjectIdentifier(consumer)] = consumer
      return state.isDraining
    }
    if isLate { consumer.stop() }
  }

  /// Notes that a consumer has ended, and holds nothing any more.
  package func remove(_ consumer: Consumer) { state.withValue { $0.open[ObjectIdentifier(consumer)] = nil } }

  /// Stops all consumers, and returns when they have ended: what they handle is settled meanwhile. A worker bounds that by its
  /// stop deadline. Returns at once when the task is cancelled.
  package func drain() async {
    let open = state.withValue { state in
      state.isDraining = true
      return state.open.values.map { $0 }
    }
    for consumer in open { consumer.stop() }
    await state.wait { $0.open.isEmpty }
  }
}
