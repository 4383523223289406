public import Foundation
public import Warren

/// What a selection matched when it was made: how many dead letters, and some of them to show before anything is done.
///
/// Acting on a survey acts on what it has seen: letters that are parked later are left alone, even a replayed one that fails
/// again while the rest is still being replayed.
public struct DeadLetterSurvey: Sendable, Equatable {
  /// What was asked for.
  public var selection: DeadLetterSelection
  /// How many there were, at most as many as the selection's limit.
  public var count: Int
  /// The first of them, without their bodies.
  public var sample: [DeadLetterView]
  /// Ids that were asked for and are not there.
  public var missing: [MessageID]
  /// When the last of them was parked, by the engine's own clock.
  public var newest: Date?
}

extension Operations {
  /// How many samples a survey has.
  public static let sampleSize = 5

  /// Counts what is selected, the oldest first up to the selection's limit. Bodies are not read.
  public func survey(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterSurvey {
    var selection = selection
    selection.includesBodies = false
    var survey = DeadLetterSurvey(selection: selection, count: 0, sample: [], missing: [], newest: nil)
    var missing = Set(selection.ids)
    let hasMore = try await walk(selection) { letter in
      survey.count += 1
      if let id = letter.message.id { missing.remove(id) }
      if let address = letter.address { missing.remove(address) }
      if survey.sample.count < Self.sampleSize {
        survey.sample.append(DeadLetterView(letter, mask: mask, includesBody: false))
      }
      survey.newest = max(survey.newest ?? letter.time, letter.time)
      return true
    }
    // An id beyond the limit was not reached, so it is not known to be missing.
    if !hasMore {
      var told: Set<MessageID> = []
      survey.missing = selection.ids.filter { missing.contains($0) && told.insert($0).inserted }
    }
    return survey
  }
}
