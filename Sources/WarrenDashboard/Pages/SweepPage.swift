internal import HTTPTypes

/// A page that looks through all dead letters, or through all messages.
enum SweepPage {
  /// The answer, or, when there is none within the dashboard's patience, a page that says how far it is.
  static func answer(
    _ call: Call, _ look: @escaping @Sendable (Call) async throws -> Answer
  ) async throws -> Answer {
    let name = "\(call.visitor.name) \(call.visitor.role.rawValue) \(call.here.text)"
    do {
      let outcome = try await call.desk.sweeps.outcome(of: name) { progress in
        var call = call
        call.progress = progress
        return try await look(call)
      }
      switch outcome {
      case .done(let answer): return answer
      case .running(let progress, let begin): return .page(await waiting(progress.read, since: begin, call))
      }
    } catch is Sweeps<Answer>.TooMany {
      throw Refusal(
        .serviceUnavailable,
        "\(Desk.sweepLimit) pages are looking through the messages already: try again in a moment")
    }
  }

  private static func waiting(_ read: Int, since begin: ContinuousClock.Instant, _ call: Call) async -> Page {
    let seconds = (ContinuousClock.now - begin).components.seconds
    let all = call.visitor.isLimited ? nil : await call.desk.sampler.deadLetters
    let what = all.map { "\(Show.number(read)) of \(Show.count($0, "dead letter"))" } ?? Show.count(read, "dead letter")
    return Page(
      title: "Looking", section: .deadLetters,
      regions: [
        .init(
          id: "progress",
          content: Parts.card(nil) {
            Parts.empty("Looking through the messages") {
              read > 0 ? "Read \(what) so far, in \(seconds) s. " : "For \(seconds) s so far. "
              "This page shows what was found as soon as it is done."
            }
          })
      ], refreshes: true)
  }
}
