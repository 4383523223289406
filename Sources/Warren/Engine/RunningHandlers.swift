internal import Foundation
internal import Synchronization

/// What a consumer's handlers work on at the moment: to be shown, and to be cancelled one by one.
final class RunningHandlers: Sendable {
  private struct Running {
    let shown: RunningDelivery
    let token: Delivery.Token
    let cancellation: HandlerCancellation
  }
  private let state = Mutex((running: [Int: Running](), lastID: 0))
  private let isHeld: @Sendable (Delivery.Token) -> Bool

  /// - Parameter isHeld: whether a delivery has not been lost.
  init(isHeld: @escaping @Sendable (Delivery.Token) -> Bool) { self.isHeld = isHeld }

  /// Runs `body` as the handling of this delivery, which `cancellation` ends.
  ///
  /// - Returns: `nil` when the delivery was lost before, on its way to the handler: then nothing would cancel it any more.
  func run<Result>(
    _ shown: RunningDelivery, _ token: Delivery.Token, _ cancellation: HandlerCancellation, _ body: () async -> Result
  ) async -> Result? {
    let id = state.withLock { state in
      state.lastID += 1
      state.running[state.lastID] = Running(shown: shown, token: token, cancellation: cancellation)
      return state.lastID
    }
    defer { state.withLock { _ = $0.running.removeValue(forKey: id) } }
    // Asked for only now: what is lost from here on is cancelled.
    guard isHeld(token) else { return nil }
    return await body()
  }

  /// Those that run, the longest first.
  var all: [RunningDelivery] { state.withLock { $0.running.values.map(\.shown).sorted { $0.since < $1.since } } }

  /// Cancels handlers. Under the lock, so that it concerns none that has ended. Returns how many there were.
  func cancel(
    _ reason: HandlerCancellation.Reason, where isMeant: (RunningDelivery, Delivery.Token) -> Bool
  ) -> Int {
    state.withLock { state in
      let meant = state.running.values.filter { isMeant($0.shown, $0.token) }
      for running in meant { running.cancellation.set(reason) }
      return meant.count
    }
  }
}

/// Ends the one handler that runs in a slot of a worker, and the slot with it, since a task that is cancelled stays so.
final class HandlerCancellation: Sendable {
  /// Why a handler is cancelled though its worker goes on.
  enum Reason: Sendable {
    /// An operator asked for it.
    case asked
    /// Its delivery is lost: the engine hands the message out again.
    case lost
  }
  private let state = Watched<Reason?>(nil)

  /// Why, once it is cancelled.
  var reason: Reason? { state.value }
  func set(_ reason: Reason) { state.withValue { $0 = $0 ?? reason } }
  /// Returns when it is cancelled, or the waiting task is.
  func wait() async { await state.wait { $0 != nil } }
}
