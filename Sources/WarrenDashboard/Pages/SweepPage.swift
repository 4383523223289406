internal import HTTPTypes

/// A page that looks through all dead letters, or through more.
enum SweepPage {
  /// The page, or, when it is not made within the dashboard's patience, one that says how far it is.
  static func page(
    _ call: Call, _ render: @escaping @Sendable (Call) async throws -> Page
  ) async throws -> Page {
    let name = "\(call.visitor.name) \(call.visitor.role.rawValue) \(call.here.text)"
    do {
      let outcome = try await call.desk.sweeps.outcome(of: name) { progress in
        var call = call
        call.progress = progress
        return try await render(call)
      }
      switch outcome {
      case .done(let page): return page
      case .running(let progress, let begin): return await waiting(progress.read, since: begin, call)
      }
    } catch is Sweeps<Page>.TooMany {
      throw Refusal(
        .serviceUnavailable,
        "\(Desk.sweepLimit) pages are looking through the dead letters already: try again in a moment")
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
            Parts.empty("Looking through the dead letters") {
              read > 0 ? "Read \(what) so far, in \(seconds) s. " : "For \(seconds) s so far. "
              "This page shows what was found as soon as it is done."
            }
          })
      ], refreshes: true)
  }
}
