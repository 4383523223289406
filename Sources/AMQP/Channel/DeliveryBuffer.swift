import Synchronization

/// Deliveries between the event loop and the task that consumes them. They change hands a batch at a time.
final class DeliveryBuffer: Sendable {
  private struct State {
    var deliveries: [AMQPDelivery] = []
    var end: Result<Void, AMQPError>?
    var waiter: UnsafeContinuation<Void, Never>?
    var isAbandoned = false
  }

  private let state = Mutex(State())

  /// Adds deliveries and wakes the consumer. Returns how many wait now.
  func append(_ batch: inout [AMQPDelivery]) -> Int {
    let (count, waiter) = state.withLock { state in
      if state.deliveries.isEmpty { swap(&state.deliveries, &batch) } else { state.deliveries += batch }
      defer { state.waiter = nil }
      return (state.deliveries.count, state.waiter)
    }
    batch.removeAll(keepingCapacity: true)
    waiter?.resume()
    return count
  }

  /// Ends the sequence behind what is buffered. The first end counts.
  func finish(_ result: Result<Void, AMQPError>) {
    let waiter = state.withLock { state -> UnsafeContinuation<Void, Never>? in
      if state.end == nil { state.end = result }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// How many wait.
  var count: Int { state.withLock { $0.deliveries.count } }

  /// Takes out everything, because it is stale or has to go back.
  func clear() -> [AMQPDelivery] {
    state.withLock { state in
      defer { state.deliveries = [] }
      return state.deliveries
    }
  }

  enum Taken {
    case batch([AMQPDelivery])
    case end(Result<Void, AMQPError>)
    case nothing
  }

  /// Takes all that is there.
  func take() -> Taken {
    state.withLock { state in
      if !state.deliveries.isEmpty {
        defer { state.deliveries = [] }
        return .batch(state.deliveries)
      }
      return state.end.map { .end($0) } ?? .nothing
    }
  }

  /// Waits until ``take()`` has something, or the task is cancelled.
  func wait(isolation actor: isolated (any Actor)? = #isolation) async {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        let goOn = state.withLock { state in
          if !state.deliveries.isEmpty || state.end != nil || state.isAbandoned { return true }
          // One task iterates; a second one would be a mistake, and must not leave the first waiting for ever.
          let previous = state.waiter
          state.waiter = continuation
          previous?.resume()
          return false
        }
        if goOn { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state -> UnsafeContinuation<Void, Never>? in
        state.isAbandoned = true
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }
}
