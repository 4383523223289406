internal import Foundation
internal import Synchronization
internal import Warren

/// Whether the broker runs, and those who wait for it to begin.
final class Lifecycle: Sendable {
  enum Phase {
    case idle
    case running
    case stopped
  }
  private struct State {
    var phase = Phase.idle
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var lastWaiting = 0
  }
  private let state = Mutex(State())

  static let stopped = BrokerError(.stopped, "the broker was stopped: a new one is needed")

  /// Begins. A broker runs once.
  func begin() throws(BrokerError) {
    let (phase, waiting) = state.withLock { state in
      defer {
        if state.phase == .idle {
          state.phase = .running
          state.waiting = [:]
        }
      }
      return (state.phase, state.waiting)
    }
    switch phase {
    case .idle: for continuation in waiting.values { continuation.resume() }
    case .running: throw BrokerError(.invalid, "the broker runs already: call run() once")
    case .stopped: throw Self.stopped
    }
  }

  func end() {
    let waiting = state.withLock { state in
      state.phase = .stopped
      defer { state.waiting = [:] }
      return state.waiting
    }
    for continuation in waiting.values { continuation.resume() }
  }

  /// Returns when the broker runs; throws when it was stopped, or does not run before the deadline.
  func waitUntilRunning(_ clock: any BrokerClock, deadline: Duration) async throws(BrokerError) {
    switch state.withLock({ $0.phase }) {
    case .running: return
    case .stopped: throw Self.stopped
    case .idle: break
    }
    let time = clock.now.addingTimeInterval(deadline.seconds)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.change() }
      group.addTask { try? await clock.sleep(until: time) }
      await group.next()
      group.cancelAll()
    }
    switch state.withLock({ $0.phase }) {
    case .running: return
    case .stopped: throw Self.stopped
    case .idle:
      throw BrokerError(
        .notRunning,
        "nobody runs the broker: add it to the ServiceGroup, or use `withBroker`; nothing was stored")
    }
  }

  private func change() async {
    let number = state.withLock { state in
      state.lastWaiting += 1
      return state.lastWaiting
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.phase != .idle || Task.isCancelled { return true }
          state.waiting[number] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
    }
  }
}
