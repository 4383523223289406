internal import Foundation
internal import Synchronization
internal import Warren

/// Calls when the earliest time that was set has come, by the broker's clock.
final class Alarm: Sendable {
  private struct State {
    var time: Date?
    /// Whether it has changed since it was looked at.
    var hasChanged = false
    var waiting: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())

  /// Sets the time; `nil`: never.
  func set(_ time: Date?) {
    let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
      if state.time == time { return nil }
      state.time = time
      state.hasChanged = true
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume()
  }

  /// Calls `ring` at every time that was set, until the task is cancelled.
  func run(_ clock: any BrokerClock, ring: @escaping @Sendable () -> Void) async {
    while !Task.isCancelled {
      let time = state.withLock { state in
        state.hasChanged = false
        return state.time
      }
      await withTaskGroup(of: Bool.self) { group in
        group.addTask {
          await self.change()
          return false
        }
        if let time {
          group.addTask { (try? await clock.sleep(until: time)) != nil }
        }
        if await group.next() == true {
          // What is called sets the next time; until then there is none.
          self.state.withLock { if $0.time == time { $0.time = nil } }
          ring()
        }
        group.cancelAll()
      }
    }
  }

  /// Returns when another time was set, or the task is cancelled.
  private func change() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.hasChanged || Task.isCancelled { return true }
          state.waiting = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      let waiting = state.withLock { state in
        defer { state.waiting = nil }
        return state.waiting
      }
      waiting?.resume()
    }
  }
}
