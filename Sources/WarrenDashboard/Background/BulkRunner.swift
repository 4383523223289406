internal import Foundation
internal import Logging
internal import ServiceLifecycle
internal import Warren
internal import WarrenOperations

/// Does bulk operations in the background: a page begins one and goes on to show how far it is. The engine keeps each, so one
/// whose process dies is gone on with by the next dashboard that runs.
actor BulkRunner {
  private let logger: Logger
  /// What is done in this process now.
  private var tasks: [Int: Task<Void, Never>] = [:]
  private var own: [Int: String] = [:]
  private var last = 0

  /// How often it is looked for what is broken off.
  static let interval: Duration = .seconds(10)

  init(logger: Logger) { self.logger = logger }

  /// Begins an operation on what a survey has seen, and returns when the engine keeps it.
  func begin(
    _ action: BulkOperation.Action, _ survey: DeadLetterSurvey, rate: Double?, _ operations: Operations
  ) async throws(BrokerError) -> BulkOperation {
    var operations = operations
    operations.succession = .automatic
    let acting = operations
    return try await start { begun throws(BrokerError) in
      let note: (BulkReport) -> Void = { report in if let operation = report.operation { begun(operation) } }
      let report =
        switch action {
        case .replay: try await acting.replay(survey, rate: rate, progress: note)
        case .delete: try await acting.delete(survey, rate: rate, progress: note)
        }
      if let failure = report.failure { throw failure }
    }
  }

  /// Goes on with an operation that was broken off, or takes it over from another process.
  func resume(_ id: String, _ operations: Operations) async throws(BrokerError) -> BulkOperation {
    if own.values.contains(id) { return try await operations.bulkOperation(id) }
    return try await start { begun throws(BrokerError) in _ = try await operations.resume(id, progress: begun) }
  }

  /// Goes on with what a dashboard has begun and no process is at any more.
  func resumeBrokenOff(_ operations: Operations) async {
    guard let all = try? await operations.bulkOperations() else { return }
    let now = operations.broker.clock.now
    for operation in all
    where operation.succession == .automatic && operation.isBrokenOff(at: now) && !own.values.contains(operation.id) {
      logger.notice("Going on with a bulk operation that was broken off", metadata: ["operation": "\(operation.id)"])
      _ = try? await resume(operation.id, operations)
    }
  }

  /// Looks for what was broken off until the service is to stop; then what runs is left to the next.
  func run(_ operations: Operations) async {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        if operations.keepsBulkOperations { await self.resumeBrokenOff(operations) }
        let clock = operations.broker.clock
        do { try await clock.sleep(until: clock.now.addingTimeInterval(Self.interval / .seconds(1))) } catch { return }
      }
    }
    for task in tasks.values { task.cancel() }
    await finish()
  }

  /// Returns when nothing is done here any more.
  func finish() async {
    while let task = tasks.values.first { await task.value }
  }

  /// Runs `work` and returns what it has begun, or throws why it could not begin.
  private func start(
    _ work: @escaping @Sendable (_ begun: @escaping @Sendable (BulkOperation) -> Void) async throws(BrokerError) -> Void
  ) async throws(BrokerError) -> BulkOperation {
    let (results, first) = AsyncStream.makeStream(
      of: Result<BulkOperation, BrokerError>.self, bufferingPolicy: .bufferingOldest(1))
    last += 1
    let number = last
    // A task of its own, which outlives the request that begins it; `run()` cancels and awaits all of them.
    tasks[number] = Task {
      do throws(BrokerError) {
        try await work { _ = first.yield(.success($0)) }
      } catch {
        first.yield(.failure(error))
        self.note(error, number)
      }
      first.finish()
      self.end(number)
    }
    for await result in results {
      let operation = try result.get()
      if tasks[number] != nil { own[number] = operation.id }
      return operation
    }
    throw BrokerError(.invalid, "nothing is left to be done")
  }

  private func note(_ error: BrokerError, _ number: Int) {
    logger.warning(
      "A bulk operation ended early",
      metadata: ["operation": "\(own[number] ?? "unknown")", "error": "\(error.message)"])
  }

  private func end(_ number: Int) {
    tasks[number] = nil
    own[number] = nil
  }
}
