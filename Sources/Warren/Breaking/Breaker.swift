internal import Foundation
internal import Logging
internal import Metrics
internal import Synchronization

/// A circuit breaker of one worker, which the queues that name its dependency share: ``BreakerMachine`` decides, here their consumers
/// are paused, told how many messages may try, and let go on.
final class Breaker: Sendable {
  /// Why and since when it is open.
  struct Opening: Sendable, Equatable {
    var since: Date
    var until: Date
    var error: String
  }
  private struct Member {
    let consumer: Consumer
    let pause: @Sendable (ConsumerPause) -> Void
  }
  private struct State {
    var machine: BreakerMachine
    var members: [ObjectIdentifier: Member] = [:]
    var pause: ConsumerPause?
  }

  let dependency: DependencyName
  let worker: String
  private let rule: BreakerRule
  private let clock: any BrokerClock
  private let logger: Logger
  private let state: Mutex<State>
  /// Why it is open; `nil` while it is closed.
  let opening = Watched<Opening?>(nil)

  init(_ dependency: DependencyName, _ rule: BreakerRule, worker: String, clock: any BrokerClock, logger: Logger) {
    self.dependency = dependency
    self.worker = worker
    self.rule = rule
    self.clock = clock
    self.logger = logger
    state = Mutex(State(machine: BreakerMachine(rule)))
  }

  /// Pauses and limits this consumer from now on, as it does the others, until it leaves.
  ///
  /// - Parameter pause: pauses the consumer, and lets it go on at the end.
  func join(_ consumer: Consumer, _ pause: @escaping @Sendable (ConsumerPause) -> Void) {
    let id = ObjectIdentifier(consumer)
    state.withLock { state in
      state.members[id] = Member(consumer: consumer, pause: pause)
      guard case .open = state.machine.phase else { return }
      consumer.limit(to: rule.probes)
      if let present = state.pause, present.until > clock.now { pause(present) }
    }
  }

  /// Leaves a consumer alone that has ended.
  func leave(_ consumer: Consumer) { state.withLock { _ = $0.members.removeValue(forKey: ObjectIdentifier(consumer)) } }

  /// A message is about to be handled.
  func begin() -> BreakerMachine.Call { state.withLock { $0.machine.begin(now: clock.elapsed) } }

  /// A message of this consumer was handled.
  ///
  /// - Returns: when the message is to be handled again without that this was an attempt; `nil`: it is judged as any other.
  func end(
    _ call: BreakerMachine.Call, of message: MessageID?, _ result: BreakerMachine.Result, _ error: (any Error)?,
    in consumer: Consumer
  ) -> Date? {
    // Under the lock as a whole: of two results that come together the consumers must not keep what follows from the first.
    state.withLock { state in
      switch state.machine.end(call, of: message, result, now: clock.elapsed) {
      case .none: return nil
      case .anotherProbe:
        consumer.raiseLimit()
        return nil
      case .opened(let time):
        open(&state, for: time, error)
        return nil
      case .openedAgain(let time, let isSpared):
        open(&state, for: time, error)
        // Later than the others, so that another message tries first.
        return isSpared ? clock.now.adding(time.times(1.5)) : nil
      case .closed:
        close(&state)
        logger.notice("The breaker is closed again", metadata: ["breaker": "\(dependency)"])
        return nil
      }
    }
  }

  /// A message of this consumer was not handled at all: another one may try.
  func skip(in consumer: Consumer) {
    state.withLock { state in
      if case .open = state.machine.phase { consumer.raiseLimit() }
    }
  }

  /// Closes it, as an operator asked.
  func reset() {
    state.withLock { state in
      guard state.machine.reset() else { return }
      close(&state)
      logger.notice("The breaker was reset", metadata: ["breaker": "\(dependency)"])
    }
  }

  /// Records whether it is open.
  func show() { gauge.record(opening.value == nil ? 0 : 1) }

  private var gauge: Gauge {
    Gauge(label: "warren_breaker_open", dimensions: [("dependency", dependency.rawValue), ("worker", worker)])
  }

  private func open(_ state: inout State, for time: Duration, _ error: (any Error)?) {
    let pause = ConsumerPause(until: clock.now.adding(time), untilElapsed: clock.elapsed + time.bounded)
    state.pause = pause
    let text = error.map { "\(type(of: $0)): \($0)".cut(toUTF8: 500) } ?? ""
    let since = opening.value?.since ?? clock.now
    opening.withValue { $0 = Opening(since: since, until: pause.until, error: text) }
    gauge.record(1)
    logger.warning(
      "The breaker is open: its queues are left alone for a while",
      metadata: [
        "breaker": "\(dependency)", "until": "\(pause.until.clamped.formatted(.iso8601))", "error": "\(text)",
        "queues": "\(state.members.values.map(\.consumer.queue.rawValue).sorted().joined(separator: ", "))",
      ])
    for member in state.members.values {
      member.consumer.limit(to: rule.probes)
      member.pause(pause)
    }
  }

  private func close(_ state: inout State) {
    for member in state.members.values {
      member.consumer.limit(to: nil)
      // One that its handler has paused for longer stays so.
      if member.consumer.pausedUntil == state.pause?.until { member.consumer.resume() }
    }
    state.pause = nil
    opening.withValue { $0 = nil }
    gauge.record(0)
  }
}
