public import Foundation
public import Warren

/// What a filter meant at the moment of asking: how many dead letters, and some of them to show before anything is done.
///
/// Acting on a survey acts on what it has seen: letters that are parked later are left alone, be it that a replayed one
/// fails again while the rest is still being replayed.
public struct DeadLetterSurvey: Sendable, Equatable {
  /// What was asked for.
  public var filter: DeadLetterFilter
  /// How many there were, or, with a limit, at most so many.
  public var count: Int
  /// The first of them.
  public var sample: [DeadLetterView]
  /// Ids that were asked for and are not there.
  public var missing: [MessageID]
  /// When the last of them was parked, by the engine's own clock.
  public var newest: Date?
}

extension Operations {
  /// How many samples a survey has.
  public static let sampleSize = 5

  /// Counts what a filter lets through, at most `limit` of the oldest.
  public func survey(_ filter: DeadLetterFilter, limit: Int? = nil) async throws(BrokerError) -> DeadLetterSurvey {
    var survey = DeadLetterSurvey(filter: filter, count: 0, sample: [], missing: [], newest: nil)
    var missing = Set(filter.ids)
    try await walk(filter, limit: limit) { page in
      survey.count += page.count
      for letter in page {
        if let id = letter.message.id { missing.remove(id) }
        if survey.sample.count < Self.sampleSize { survey.sample.append(DeadLetterView(letter, mask: mask)) }
        survey.newest = max(survey.newest ?? letter.time, letter.time)
      }
      return true
    }
    // With a limit, an id that was not reached is not missing.
    if limit.map({ survey.count < $0 }) ?? true { survey.missing = filter.ids.filter(missing.contains) }
    return survey
  }
}
