internal import Foundation
internal import Metrics
internal import Synchronization
public import Warren

/// Keeps away from a dependency that fails, such as a mail server: the queue's messages wait where they are, and cost no attempt.
///
/// After several failures it opens: the worker takes nothing more from the queue for a while. Then one message tries, and
/// closes it again or opens it for another while. The gauge `tutorgo_circuit_open` shows it.
public final class CircuitBreaker: Sendable {
  private let machine: Mutex<CircuitMachine>
  private let dependency: String
  private let clock: any BrokerClock

  /// A breaker for a dependency of this name.
  ///
  /// - Parameters:
  ///   - failures: how many of the last calls in a row have to fail until it opens.
  ///   - pause: for how long it stays open.
  public init(
    _ dependency: String, failures: Int = 5, pause: Duration = .seconds(10), clock: any BrokerClock = SystemClock()
  ) {
    self.dependency = dependency
    self.clock = clock
    machine = Mutex(CircuitMachine(limit: failures, pause: pause / .seconds(1)))
    show(false)
  }

  /// Calls the dependency, or throws `Outcome.pause` without calling it while the breaker is open.
  ///
  /// - Parameter isFailure: whether an error is the dependency's failure. One that is about the message alone is not.
  public func call<Result>(
    isFailure: (any Error) -> Bool, _ body: () async throws -> Result
  ) async throws -> Result {
    if let end = machine.withLock({ $0.begin(at: clock.now) }) { throw Outcome.pause(until: end) }
    do {
      let result = try await body()
      end(.success)
      return result
    } catch {
      // A cancelled call says nothing about the dependency.
      end(Task.isCancelled ? .unknown : isFailure(error) ? .failure : .success)
      throw error
    }
  }

  private func end(_ result: CircuitMachine.Result) {
    show(
      machine.withLock { machine in
        machine.end(result, at: clock.now)
        return machine.isOpen
      })
  }

  private func show(_ isOpen: Bool) {
    Gauge(label: "tutorgo_circuit_open", dimensions: [("dependency", dependency)]).record(isOpen ? 1 : 0)
  }
}

/// When a breaker lets calls through.
struct CircuitMachine {
  enum Result {
    case success
    case failure
    case unknown
  }
  private enum State {
    /// So many calls have failed in a row.
    case closed(failures: Int)
    case open(until: Date)
    /// One call tries.
    case probing(since: Date)
  }
  private var state = State.closed(failures: 0)
  let limit: Int
  let pause: TimeInterval

  init(limit: Int, pause: TimeInterval) {
    self.limit = max(1, limit)
    self.pause = max(0.001, pause)
  }

  var isOpen: Bool { if case .closed = state { false } else { true } }

  /// `nil` when a call may begin; else when to ask again.
  mutating func begin(at now: Date) -> Date? {
    switch state {
    case .closed: return nil
    case .open(let end) where now < end: return end
    // A probe that never ends must not keep all others away for ever.
    case .probing(let since) where now < since.addingTimeInterval(pause): return since.addingTimeInterval(pause)
    case .open, .probing:
      state = .probing(since: now)
      return nil
    }
  }

  mutating func end(_ result: Result, at now: Date) {
    switch (state, result) {
    case (.closed(let failures), .failure):
      state = failures + 1 >= limit ? .open(until: now.addingTimeInterval(pause)) : .closed(failures: failures + 1)
    case (.probing, .failure): state = .open(until: now.addingTimeInterval(pause))
    // A call that began before it opened: the breaker knows already.
    case (.open, _): break
    case (_, .success): state = .closed(failures: 0)
    case (.probing, .unknown): state = .open(until: now)
    case (.closed, .unknown): break
    }
  }
}
