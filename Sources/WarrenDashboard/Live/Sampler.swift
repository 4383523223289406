internal import Foundation
internal import Warren
internal import WarrenOperations

/// Looks at the broker for all who watch: however many pages and streams are open, it is asked once in a while.
actor Sampler {
  private let operations: Operations
  private let interval: Duration
  private var last: (overview: Overview, at: ContinuousClock.Instant)?
  private var isStale = false
  private var running: Task<Overview, any Error>?
  private var histories: [QueueName?: (samples: Task<[QueueSample], any Error>, at: ContinuousClock.Instant)] = [:]
  /// A new sample comes once a minute.
  private var historyInterval: Duration { max(interval, .seconds(10)) }
  private static let historyLimit = 64
  private var looks: [String: (value: Task<any Sendable, any Error>, at: ContinuousClock.Instant)] = [:]

  /// - Parameter interval: how old a look may be that is shown again.
  init(_ operations: Operations, interval: Duration = .seconds(1)) {
    self.operations = operations
    self.interval = interval
  }

  /// The broker on one screen, as it was at most one interval ago.
  func overview() async throws -> Overview {
    if let last, !isStale, ContinuousClock.now - last.at < interval { return last.overview }
    if let running { return try await running.value }
    // Not a child of the first who asks: the others wait for it, too.
    let task = Task { try await operations.overview() }
    running = task
    defer { running = nil }
    let overview = try await task.value
    last = (overview, .now)
    isStale = false
    return overview
  }

  /// What a queue, or all of them together, did in the last day, as it was known some seconds ago; `nil` where that is not kept.
  func history(of queue: QueueName?) async -> [QueueSample]? {
    guard operations.keepsSamples else { return nil }
    if let known = histories[queue], ContinuousClock.now - known.at < historyInterval {
      return try? await known.samples.value
    }
    if histories.count >= Self.historyLimit { histories.removeAll() }
    // Not a child of the first who asks: the others wait for it, too.
    let samples = Task { [operations] in try await operations.samples(of: queue) }
    histories[queue] = (samples, .now)
    return try? await samples.value
  }

  /// What streams look at beside the overview: asked for once in a while, however many of them there are.
  func shared<Value: Sendable>(
    _ name: String, _ look: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    if let known = looks[name], ContinuousClock.now - known.at < interval,
      let value = try await known.value.value as? Value
    {
      return value
    }
    // What no stream looks at any more is forgotten.
    looks = looks.filter { ContinuousClock.now - $0.value.at < interval }
    let task = Task<any Sendable, any Error> { try await look() }
    looks[name] = (task, .now)
    guard let value = try await task.value as? Value else { return try await look() }
    return value
  }

  /// How many dead letters the last look has seen; `nil` before the first.
  var deadLetters: Int? {
    last?.overview.queues?.filter(\.holdsDeadLetters).reduce(0) { $0 + $1.ready }
  }

  /// After something was changed the next look is a new one.
  func forget() {
    isStale = true
    looks.removeAll()
  }
}
