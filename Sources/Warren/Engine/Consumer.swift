public import Foundation
internal import Synchronization

/// The deliveries that an engine hands to one consumer of a queue: the engine puts in, the worker takes out.
///
/// It is bounded by the prefetch, which the engine keeps: it hands in nothing beyond it. What was handed in and not taken
/// out is *not begun*: the engine can take it back at any time, when the consumer stops, pauses, or has lost it.
public final class Consumer: Sendable {
  private struct State {
    var buffer: [Delivery] = []
    /// The first of `buffer` that has not been taken yet.
    var next = 0
    var waiting: [UnsafeContinuation<Delivery?, Never>] = []
    var isStopped = false
    var pausedUntil: Date?
    /// How many more may be taken out; `nil`: any number.
    var limit: Int?
    /// How many deliveries went back unbegun since it was stopped.
    var returned = 0

    mutating func take() -> Delivery? {
      guard pausedUntil == nil, limit != 0, next < buffer.count else { return nil }
      defer {
        limit = limit.map { $0 - 1 }
        next += 1
        if next == buffer.count {
          buffer.removeAll(keepingCapacity: true)
          next = 0
        } else if next >= 16, 2 * next >= buffer.count {
          // While more waits than is handled the buffer is never empty: what was taken goes all the same, many at a time.
          buffer.removeFirst(next)
          next = 0
        }
      }
      return buffer[next]
    }
  }
  private let state = Mutex(State())
  private let onStop: @Sendable (Consumer) -> Void
  private let onPause: @Sendable (Consumer, Date?) -> Void

  /// The queue.
  public let queue: QueueName
  /// How many deliveries may be unsettled at a time.
  public let prefetch: Int
  /// What the worker's handlers work on.
  let handlers: RunningHandlers
  private let stopped = Watched(false)

  /// A consumer; engines make them.
  ///
  /// - Parameters:
  ///   - onStop: called once, when the worker wants nothing more. The engine then takes back what was not begun, with
  ///     ``revoke(where:)``, and puts it into its queue at once: handlers that run on may take long.
  ///   - onPause: called when the worker wants nothing before a time, and with `nil` when it wants deliveries again. An
  ///     engine that ignores it is safe: it hands in no more than the prefetch, and that waits.
  ///   - isHeld: whether a delivery of this consumer has not been lost. Asked when its handler is about to begin: one that is lost
  ///     on the way from the buffer to its handler is neither revoked nor cancelled, so it does not begin.
  public init(
    queue: QueueName, prefetch: Int, onStop: @escaping @Sendable (Consumer) -> Void,
    onPause: @escaping @Sendable (Consumer, Date?) -> Void = { _, _ in },
    isHeld: @escaping @Sendable (Delivery.Token) -> Bool = { _ in true }
  ) {
    handlers = RunningHandlers(isHeld: isHeld)
    self.queue = queue
    self.prefetch = prefetch
    self.onStop = onStop
    self.onPause = onPause
  }

  /// The next delivery; any number of tasks may wait. `nil` after ``stop()``, or when the task is cancelled, which stops
  /// the consumer.
  public func next() async -> Delivery? {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let answer: Delivery?? = state.withLock { state in
          if state.isStopped { return .some(nil) }
          if let delivery = state.take() { return .some(delivery) }
          state.waiting.append(continuation)
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      stop()
    }
  }

  /// Ends the deliveries: every task that waits in ``next()`` gets `nil`. What was taken out can still be settled.
  public func stop() {
    let waiting: [UnsafeContinuation<Delivery?, Never>]? = state.withLock { state in
      if state.isStopped { return nil }
      state.isStopped = true
      defer { state.waiting = [] }
      return state.waiting
    }
    guard let waiting else { return }
    for continuation in waiting { continuation.resume(returning: nil) }
    stopped.withValue { $0 = true }
    onStop(self)
  }

  /// Returns when the consumer was stopped, by its worker or by its engine, or when the task is cancelled.
  func waitUntilStopped() async { await stopped.wait { $0 } }

  /// How many deliveries were handed in and not begun by the time it was stopped.
  var unbegun: Int { state.withLock { $0.returned + $0.buffer.count - $0.next } }

  // MARK: Pausing

  /// Until when nothing is handed out; `nil` when the consumer is not paused.
  public var pausedUntil: Date? { state.withLock { $0.pausedUntil } }

  /// Hands out nothing more before `time`, in this process; what was taken out is handled and settled as usual. A pause that
  /// ends sooner than the present one changes nothing.
  ///
  /// The time is only noted: the caller also calls ``resume()`` when it has come, as a ``Worker`` does.
  public func pause(until time: Date) {
    let isChanged = state.withLock { state in
      if state.isStopped || state.pausedUntil.map({ $0 >= time }) ?? false { return false }
      state.pausedUntil = time
      return true
    }
    if isChanged { onPause(self, time) }
  }

  /// Ends a pause.
  public func resume() {
    change { state in
      if state.pausedUntil == nil { return false }
      state.pausedUntil = nil
      return true
    }
  }

  /// Hands out no more than so many from now on, beside what was taken out before; with `nil`, which it begins with, any number.
  func limit(to count: Int?) {
    change { state in
      if state.limit == count { return false }
      state.limit = count
      return state.pausedUntil == nil
    }
  }

  /// Hands out one more, where it has a limit.
  func raiseLimit() {
    change { state in
      guard let limit = state.limit else { return false }
      state.limit = limit + 1
      return state.pausedUntil == nil
    }
  }

  /// How many deliveries may be handed in beside those that wait here; `nil`: any number.
  package var room: Int? {
    state.withLock { state in state.limit.map { max(0, $0 - state.buffer.count + state.next) } }
  }

  /// Changes what it hands out, and hands out what it may then. Whether the engine has to know is what `body` returns.
  private func change(_ body: (inout State) -> Bool) {
    var resumed: [(UnsafeContinuation<Delivery?, Never>, Delivery)] = []
    let isChanged = state.withLock { state in
      if state.isStopped || !body(&state) { return false }
      while !state.waiting.isEmpty, let delivery = state.take() {
        resumed.append((state.waiting.removeFirst(), delivery))
      }
      return true
    }
    for (continuation, delivery) in resumed { continuation.resume(returning: delivery) }
    if isChanged { onPause(self, nil) }
  }

  // MARK: For engines

  /// Hands in deliveries.
  ///
  /// - Returns: those that were not taken, because the consumer has stopped: the engine puts them back into their queue.
  @discardableResult
  public func hand(_ deliveries: [Delivery]) -> [Delivery] {
    var resumed: [(UnsafeContinuation<Delivery?, Never>, Delivery)] = []
    let isStopped = state.withLock { state in
      if state.isStopped {
        state.returned += deliveries.count
        return true
      }
      if state.pausedUntil != nil {
        state.buffer.append(contentsOf: deliveries)
        return false
      }
      let count = min(state.waiting.count, deliveries.count, state.limit ?? .max)
      state.limit = state.limit.map { $0 - count }
      if count > 0 {
        resumed.reserveCapacity(count)
        for (continuation, delivery) in zip(state.waiting.prefix(count), deliveries) {
          resumed.append((continuation, delivery))
        }
        state.waiting.removeFirst(count)
      }
      state.buffer.append(contentsOf: deliveries.dropFirst(count))
      return false
    }
    if isStopped { return deliveries }
    for (continuation, delivery) in resumed { continuation.resume(returning: delivery) }
    return []
  }

  /// Takes back deliveries that were not begun: because they are lost (the connection or lease they came by is gone), or
  /// because the consumer stops or pauses.
  ///
  /// - Returns: those that were taken back. No handler will see them; the engine settles them, unless they are lost.
  @discardableResult
  public func revoke(where isMeant: (Delivery) -> Bool = { _ in true }) -> [Delivery] {
    state.withLock { state in
      var revoked: [Delivery] = []
      var kept: [Delivery] = []
      for delivery in state.buffer[state.next...] {
        if isMeant(delivery) { revoked.append(delivery) } else { kept.append(delivery) }
      }
      if !revoked.isEmpty {
        state.buffer = kept
        state.next = 0
        if state.isStopped { state.returned += revoked.count }
      }
      return revoked
    }
  }

  /// How many deliveries the buffer holds, those that were taken out and not forgotten yet included.
  var held: Int { state.withLock { $0.buffer.count } }

  // MARK: What is handled

  /// The deliveries that handlers work on at the moment, the longest first.
  public var handled: [RunningDelivery] { handlers.all }

  /// Cancels the handlers of deliveries that are lost, because the connection or lease they came by is gone: their messages are
  /// handed out again, and whatever comes of them here is refused.
  ///
  /// - Returns: how many there were.
  @discardableResult
  public func cancelHandlers(ofLost isLost: (Delivery.Token) -> Bool) -> Int {
    handlers.cancel(.lost) { isLost($1) }
  }

  /// Cancels the handlers of a message, as an operator asked: see ``OperableBroker/cancel(_:in:)``.
  ///
  /// - Returns: how many there were.
  @discardableResult
  public func cancelHandlers(of id: MessageID) -> Int { handlers.cancel(.asked) { shown, _ in shown.id == id } }
}
