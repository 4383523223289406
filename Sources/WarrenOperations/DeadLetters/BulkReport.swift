public import Warren

/// What was done with many dead letters.
public struct BulkReport: Sendable {
  /// How many were selected.
  public var matched: Int
  /// How many were replayed or deleted.
  public var done = 0
  /// How many stayed, because the queue that gave up on them is gone.
  public var stayed = 0
  /// How many stayed, because a worker held them at that moment; `nil` when the engine does not tell.
  public var held: Int?
  /// How many others had replayed, edited or deleted meanwhile; `nil` when the engine does not tell.
  public var gone: Int?
  /// The operation that the engine keeps; `nil` when it keeps none.
  public var operation: BulkOperation?
  /// Ids that were asked for and are not there.
  public var missing: [MessageID]
  /// What ended it early.
  public var failure: BrokerError?

  /// Whether all that was selected was done.
  public var isComplete: Bool {
    stayed == 0 && held ?? 0 == 0 && missing.isEmpty && failure == nil && operation?.state ?? .done == .done
  }

  init(_ survey: DeadLetterSurvey) {
    matched = survey.count
    missing = survey.missing
  }

  /// Takes over what an operation says.
  mutating func note(_ operation: BulkOperation) {
    self.operation = operation
    done = operation.done
    stayed = operation.skipped.unreachable
    held = operation.skipped.held
    gone = operation.skipped.gone
  }
}

extension Operations {
  /// Sends back to work what a survey has seen. Those whose queue is gone stay.
  ///
  /// Where the engine keeps bulk operations, this is one: ``resume(_:batch:progress:)`` goes on with it when this process dies.
  /// On other engines what was done by then is done, and the same call does the rest.
  ///
  /// - Parameters:
  ///   - batch: how many go in one step of the engine.
  ///   - rate: at most so many a second; `nil`: as fast as it goes.
  ///   - progress: called after each step.
  /// - Returns: what was done, also when an error ended it early.
  public func replay(
    _ survey: DeadLetterSurvey, batch: Int = pageSize, rate: Double? = nil, progress: (BulkReport) -> Void = { _ in }
  ) async throws(BrokerError) -> BulkReport {
    let broker = try deadLetterBroker
    return try await act(.replay, survey, batch, rate, progress) { selection throws(BrokerError) in
      try await broker.replay(selection)
    }
  }

  /// Deletes for good what a survey has seen. Parameters and result are those of ``replay(_:batch:rate:progress:)``.
  public func delete(
    _ survey: DeadLetterSurvey, batch: Int = pageSize, rate: Double? = nil, progress: (BulkReport) -> Void = { _ in }
  ) async throws(BrokerError) -> BulkReport {
    _ = try deadLetterBroker
    return try await act(.delete, survey, batch, rate, progress) { selection throws(BrokerError) in
      ReplayReport(replayed: try await deleteDeadLetters(selection), stayed: 0)
    }
  }

  /// Deletes dead letters. Where a store keeps the keys of unique jobs, theirs are free after it.
  func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    if let operatedKeys {
      var look = selection
      look.includesBodies = false
      var letters: [DeadLetter] = []
      try await walk(look) { letter in
        if operatedKeys.concern(letter) { letters.append(letter) }
        return true
      }
      try await operatedKeys.free(letters)
    }
    return try await deadLetterBroker.deleteDeadLetters(selection)
  }

  /// Acts on what the survey has seen, and on nothing that was parked after it.
  private func act(
    _ action: BulkOperation.Action, _ survey: DeadLetterSurvey, _ batch: Int, _ rate: Double?,
    _ progress: (BulkReport) -> Void, _ step: (DeadLetterSelection) async throws(BrokerError) -> ReplayReport
  ) async throws(BrokerError) -> BulkReport {
    var report = BulkReport(survey)
    if survey.count == 0 { return report }
    guard keepsBulkOperations else {
      return try await audited(
        "dead.\(action.rawValue)", filter: survey.frozen.text, count: survey.count,
        done: { ($0.done, $0.failure?.message ?? ($0.stayed > 0 ? "\($0.stayed) skipped" : nil)) }
      ) { () throws(BrokerError) in
        await act(on: survey, batch: batch, Pace(rate: rate, start: clock.elapsed), progress, step)
      }
    }
    do throws(BrokerError) {
      report.note(
        try await perform(action, survey, rate: rate, batch: batch) { operation in
          report.note(operation)
          progress(report)
        })
    } catch {
      // What cannot even be noted is not begun.
      if report.operation == nil { throw error }
      report.failure = error
    }
    return report
  }

  /// Step by step, where the engine keeps no operations.
  private func act(
    on survey: DeadLetterSurvey, batch: Int, _ pace: Pace, _ progress: (BulkReport) -> Void,
    _ step: (DeadLetterSelection) async throws(BrokerError) -> ReplayReport
  ) async -> BulkReport {
    var report = BulkReport(survey)
    var pace = pace
    do throws(BrokerError) {
      var selection = survey.frozen
      while report.done + report.stayed < survey.count, !Task.isCancelled {
        selection.limit = min(pace.step(atMost: batch), survey.count - report.done - report.stayed)
        let result = try await step(selection)
        if result.replayed + result.stayed == 0 { break }
        report.done += result.replayed
        report.stayed += result.stayed
        progress(report)
        selection.after = result.next ?? selection.after
        guard report.done + report.stayed < survey.count else { break }
        if let pause = pace.pause(after: result.replayed + result.stayed, now: clock.elapsed) {
          try? await clock.sleep(for: pause)
        }
      }
    } catch {
      report.failure = error
    }
    return report
  }
}
