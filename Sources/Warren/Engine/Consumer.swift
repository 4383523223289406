internal import Synchronization

/// The deliveries that an engine hands to one consumer of a queue: the engine puts in, the worker takes out.
///
/// It is bounded by the prefetch, which the engine keeps: it hands in nothing beyond it.
public final class Consumer: Sendable {
  private struct State {
    var buffer: [Delivery] = []
    /// The first of `buffer` that has not been taken yet.
    var next = 0
    var waiting: [CheckedContinuation<Delivery?, Never>] = []
    var isStopped = false
  }
  private let state = Mutex(State())
  private let onStop: @Sendable () -> Void

  /// The queue.
  public let queue: QueueName
  /// How many deliveries may be unsettled at a time.
  public let prefetch: Int

  /// A consumer; engines make them. `onStop` is called once, when the worker wants nothing more.
  public init(queue: QueueName, prefetch: Int, onStop: @escaping @Sendable () -> Void) {
    self.queue = queue
    self.prefetch = prefetch
    self.onStop = onStop
  }

  /// The next delivery; any number of tasks may wait. `nil` after ``stop()``, or when the task is cancelled, which stops
  /// the consumer.
  public func next() async -> Delivery? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Delivery?? = state.withLock { state in
          if state.isStopped { return .some(nil) }
          if state.next < state.buffer.count {
            defer {
              state.next += 1
              if state.next == state.buffer.count {
                state.buffer.removeAll(keepingCapacity: true)
                state.next = 0
              }
            }
            return .some(state.buffer[state.next])
          }
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
    let waiting: [CheckedContinuation<Delivery?, Never>]? = state.withLock { state in
      if state.isStopped { return nil }
      state.isStopped = true
      state.buffer = []
      state.next = 0
      defer { state.waiting = [] }
      return state.waiting
    }
    guard let waiting else { return }
    for continuation in waiting { continuation.resume(returning: nil) }
    onStop()
  }

  /// For engines: hands in deliveries. After ``stop()`` they are dropped here, and the engine releases them as it does
  /// all that is unsettled.
  public func hand(_ deliveries: [Delivery]) {
    var resumed: [(CheckedContinuation<Delivery?, Never>, Delivery)] = []
    state.withLock { state in
      if state.isStopped { return }
      let count = min(state.waiting.count, deliveries.count)
      if count > 0 {
        resumed.reserveCapacity(count)
        for (continuation, delivery) in zip(state.waiting.prefix(count), deliveries) {
          resumed.append((continuation, delivery))
        }
        state.waiting.removeFirst(count)
      }
      state.buffer.append(contentsOf: deliveries.dropFirst(count))
    }
    for (continuation, delivery) in resumed { continuation.resume(returning: delivery) }
  }
}
