public import Warren

/// What was done with many dead letters.
public struct BulkReport: Sendable {
  /// How many were meant.
  public var matched: Int
  /// With how many it was done.
  public var done = 0
  /// How many stayed, because the queue that gave up on them is gone.
  public var stayed = 0
  /// Ids that were asked for and are not there.
  public var missing: [MessageID]
  /// What ended it early.
  public var failure: BrokerError?

  /// Whether it was done with all that was meant.
  public var isComplete: Bool { stayed == 0 && missing.isEmpty && failure == nil }

  init(_ survey: DeadLetterSurvey) {
    matched = survey.count
    missing = survey.missing
  }
}

extension Operations {
  /// Sends back to work what a survey has seen. Those whose queue is gone stay.
  ///
  /// - Parameters:
  ///   - batch: how many go in one step of the engine.
  ///   - progress: called after each step.
  /// - Returns: what was done, also when an error ended it early.
  public func replay(
    _ survey: DeadLetterSurvey, batch: Int = pageSize, progress: (BulkReport) -> Void = { _ in }
  ) async throws(BrokerError) -> BulkReport {
    let broker = try deadLetterBroker
    return await act(on: survey, batch: batch, progress) { selection throws(BrokerError) in
      let report = try await broker.replay(selection)
      return (report.replayed, report.stayed)
    }
  }

  /// Deletes for good what a survey has seen. Parameters and result are those of ``replay(_:batch:progress:)``.
  public func delete(
    _ survey: DeadLetterSurvey, batch: Int = pageSize, progress: (BulkReport) -> Void = { _ in }
  ) async throws(BrokerError) -> BulkReport {
    let broker = try deadLetterBroker
    return await act(on: survey, batch: batch, progress) { selection throws(BrokerError) in
      (try await broker.deleteDeadLetters(selection), 0)
    }
  }

  private func act(
    on survey: DeadLetterSurvey, batch: Int, _ progress: (BulkReport) -> Void,
    _ step: (DeadLetterSelection) async throws(BrokerError) -> (done: Int, stayed: Int)
  ) async -> BulkReport {
    var report = BulkReport(survey)
    do throws(BrokerError) {
      for selection in survey.filter.selections(limit: batch) {
        try await act(on: selection, of: survey, batch: batch, &report, progress, step)
      }
    } catch {
      report.failure = error
    }
    return report
  }

  /// Goes through one selection, but for what was parked after the survey. Each batch is looked at first: it tells where the
  /// next one begins, behind those that stay.
  private func act(
    on selection: DeadLetterSelection, of survey: DeadLetterSurvey, batch: Int, _ report: inout BulkReport,
    _ progress: (BulkReport) -> Void,
    _ step: (DeadLetterSelection) async throws(BrokerError) -> (done: Int, stayed: Int)
  ) async throws(BrokerError) {
    guard let newest = survey.newest else { return }
    var selection = selection
    selection.until = min(newest, selection.until ?? newest)
    while report.done + report.stayed < survey.count {
      selection.limit = min(batch, survey.count - report.done - report.stayed)
      let page = try await deadLetterBroker.deadLetters(selection)
      if page.letters.isEmpty { return }
      selection.limit = page.letters.count
      let result = try await step(selection)
      report.done += result.done
      report.stayed += result.stayed
      progress(report)
      guard let next = page.next else { return }
      selection.after = next
    }
  }
}
