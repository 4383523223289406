public import Warren

/// What was done with many dead letters.
public struct BulkReport: Sendable {
  /// How many were selected.
  public var matched: Int
  /// How many were replayed or deleted.
  public var done = 0
  /// How many stayed, because the queue that gave up on them is gone.
  public var stayed = 0
  /// Ids that were asked for and are not there.
  public var missing: [MessageID]
  /// What ended it early.
  public var failure: BrokerError?

  /// Whether all that was selected was done.
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
      try await broker.replay(selection)
    }
  }

  /// Deletes for good what a survey has seen. Parameters and result are those of ``replay(_:batch:progress:)``.
  public func delete(
    _ survey: DeadLetterSurvey, batch: Int = pageSize, progress: (BulkReport) -> Void = { _ in }
  ) async throws(BrokerError) -> BulkReport {
    let broker = try deadLetterBroker
    return await act(on: survey, batch: batch, progress) { selection throws(BrokerError) in
      ReplayReport(replayed: try await broker.deleteDeadLetters(selection), stayed: 0)
    }
  }

  /// Acts on what the survey has seen, and on nothing that was parked after it.
  private func act(
    on survey: DeadLetterSurvey, batch: Int, _ progress: (BulkReport) -> Void,
    _ step: (DeadLetterSelection) async throws(BrokerError) -> ReplayReport
  ) async -> BulkReport {
    var report = BulkReport(survey)
    guard let newest = survey.newest else { return report }
    do throws(BrokerError) {
      var selection = survey.selection
      selection.until = min(newest, selection.until ?? newest)
      while report.done + report.stayed < survey.count {
        selection.limit = min(max(1, batch), survey.count - report.done - report.stayed)
        let result = try await step(selection)
        if result.replayed + result.stayed == 0 { break }
        report.done += result.replayed
        report.stayed += result.stayed
        progress(report)
        selection.after = result.next ?? selection.after
      }
    } catch {
      report.failure = error
    }
    return report
  }
}
