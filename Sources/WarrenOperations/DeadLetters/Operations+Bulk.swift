internal import Foundation
public import Warren

extension Operations {
  /// Whether the engine keeps bulk operations, so that one whose process died can be resumed.
  public var keepsBulkOperations: Bool { broker is any BulkOperatingBroker }

  /// The bulk operations, the newest first.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when the engine keeps none.
  public func bulkOperations(limit: Int = 100) async throws(BrokerError) -> [BulkOperation] {
    try await bulkBroker.bulkOperations(limit: limit)
  }

  /// One bulk operation.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when there is none with this id.
  public func bulkOperation(_ id: String) async throws(BrokerError) -> BulkOperation {
    guard let operation = try await bulkBroker.bulkOperation(id) else {
      throw BrokerError(.notFound, "there is no operation '\(id)'")
    }
    return operation
  }

  /// Ends a bulk operation before its next step, whichever process is at it. What is done stays done.
  public func cancelOperation(_ id: String) async throws(BrokerError) -> BulkOperation {
    let operation = try await unfinished(id)
    return try await audited(
      "operation.cancel", filter: operation.filter, count: operation.left, operation: id, done: { ($0.left, nil) }
    ) { () throws(BrokerError) in try await bulkBroker.cancelOperation(id) }
  }

  /// Goes on with a bulk operation whose process has died, or takes it over from one that still lives.
  ///
  /// - Parameter progress: called after each step.
  /// - Throws: ``Warren/BrokerError/Code/invalid`` when it is at its end already.
  public func resume(
    _ id: String, batch: Int = pageSize, progress: (BulkOperation) -> Void = { _ in }
  ) async throws(BrokerError) -> BulkOperation {
    let operation = try await unfinished(id)
    return try await audited(
      "operation.resume", filter: operation.filter, count: operation.left, operation: id, done: Self.outcome
    ) { () throws(BrokerError) in
      try await run(try await bulkBroker.takeOver(id, runner: runner), batch: batch, progress)
    }
  }

  /// Begins a bulk operation on what a survey has seen and does all of it.
  func perform(
    _ action: BulkOperation.Action, _ survey: DeadLetterSurvey, rate: Double?, batch: Int,
    _ progress: (BulkOperation) -> Void
  ) async throws(BrokerError) -> BulkOperation {
    let selection = survey.frozen
    let operation = BulkOperation(
      id: MessageID.unique().rawValue, action: action, selection: selection, filter: selection.text,
      actor: actor,
      runner: runner, started: clock.now, total: survey.count, rate: rate, succession: succession)
    return try await audited(
      "dead.\(action.rawValue)", filter: operation.filter, count: operation.total, operation: operation.id,
      done: Self.outcome
    ) { () throws(BrokerError) in
      try await bulkBroker.keep(operation)
      return try await run(operation, batch: batch, progress)
    }
  }

  /// Does step after step. When the task is cancelled the operation stays as it is, to be resumed.
  private func run(
    _ operation: BulkOperation, batch: Int, _ progress: (BulkOperation) -> Void
  ) async throws(BrokerError) -> BulkOperation {
    let broker = try bulkBroker
    var pace = Pace(rate: operation.rate, start: clock.elapsed)
    var operation = operation
    progress(operation)
    while operation.state == .running, !Task.isCancelled {
      let before = operation.left
      operation = try await broker.advance(operation.id, runner: runner, atMost: pace.step(atMost: batch))
      progress(operation)
      guard operation.state == .running,
        let pause = pace.pause(after: before - operation.left, now: clock.elapsed)
      else { continue }
      do { try await clock.sleep(for: pause) } catch { break }
    }
    return operation
  }

  private func unfinished(_ id: String) async throws(BrokerError) -> BulkOperation {
    let operation = try await bulkOperation(id)
    if operation.state == .running { return operation }
    throw BrokerError(
      .invalid, "the operation '\(id)' is \(operation.state.rawValue): \(operation.done) of \(operation.total) done")
  }

  private static func outcome(_ operation: BulkOperation) -> (count: Int?, note: String?) {
    let skipped = operation.skipped.total == 0 ? "" : ", \(operation.skipped.total) skipped"
    return (operation.done, operation.state == .done && skipped.isEmpty ? nil : operation.state.rawValue + skipped)
  }

  var bulkBroker: any BulkOperatingBroker {
    get throws(BrokerError) {
      guard let able = broker as? any BulkOperatingBroker else {
        throw BrokerError(
          .unsupported,
          "the engine \(broker.capabilities.engine) keeps no operations: what one did that was broken off is done, and the rest is "
            + "where it was; do the same again for it")
      }
      return able
    }
  }
}

extension DeadLetterSurvey {
  /// What was asked for, and nothing that was parked after the survey.
  var frozen: DeadLetterSelection {
    var selection = selection
    if let newest { selection.until = min(newest, selection.until ?? newest) }
    return selection
  }
}

extension DeadLetterSelection {
  /// The selection as people write it.
  public var text: String {
    var conditions = filter.conditions
    // Where it lies, which a filter cannot tell from where it comes from, is said as a condition on the queue.
    if let queue { conditions.insert(MessageCondition(.queue, .equals([queue.rawValue])), at: 0) }
    if let origin { conditions.insert(MessageCondition(.origin, .equals([origin.rawValue])), at: 0) }
    if !ids.isEmpty { conditions.append(MessageCondition(.id, .equals(ids.prefix(20).map(\.rawValue)))) }
    let rest = ids.count > 20 ? " … and \(ids.count - 20) more ids" : ""
    if let until {
      conditions.append(MessageCondition(.time, .compares(.lessOrEqual, Double(until.wholeMilliseconds))))
    }
    let group = fingerprint.map { " of the group \($0)" } ?? ""
    return MessageFilter(conditions).text + rest + group
  }
}
