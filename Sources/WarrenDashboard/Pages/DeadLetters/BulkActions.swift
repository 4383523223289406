internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// What is done with many dead letters at once.
enum BulkActions {
  /// What is done.
  enum Deed: String {
    case replay, delete

    var action: Dashboard.Action { self == .replay ? .replay : .delete }
    var verb: String { self == .replay ? "Replay" : "Delete" }
    var word: Notice.Word { self == .replay ? .replayed : .deleted }

    init(_ fields: FormFields) throws(Refusal) {
      guard let deed = fields["do"].flatMap(Deed.init) else {
        throw Refusal(.badRequest, "what to do is missing: do=replay or do=delete")
      }
      self = deed
    }
  }

  /// Counts what matches, shows some of it, and asks. The number in its button is the number that is acted on.
  @Sendable static func confirmAll(_ call: Call) async throws -> Page {
    let deed = try Deed(call.fields)
    let filter = DeadLetterFilter(call.fields)
    try call.require(deed.action, filter.queue)
    let survey = try await call.operations.survey(try filter.selection(call, limit: .max))
    let hidden: [(String, String?)] =
      try filter.frozen(call).list + [
        ("do", deed.rawValue), ("count", "\(survey.count)"), ("until", survey.newest.map { "\($0.wholeMilliseconds)" }),
      ]
    return Page(
      title: "\(deed.verb) all that match", section: .deadLetters,
      trail: [.init(title: "Dead letters", link: filter.on(call.link("dead-letters")))],
      regions: [
        .init(
          id: "confirm",
          content: survey.count == 0
            ? Parts.card(nil) {
              Parts.empty("No dead letter matches") {
                Tags.a(.href(call.link("dead-letters"))) { "Show all dead letters" }
              }
            }
            : HTML([
              Parts.card(nil) {
                Tags.p { sentence(deed, survey.count, filter) }
                Parts.form(call, to: "dead-letters/all", class: "actions", hidden) {
                  Parts.button(
                    "\(deed.verb) \(Show.count(survey.count, "dead letter"))",
                    deed == .delete ? "danger sure" : "primary")
                  Tags.a(.class("button"), .href(filter.on(call.link("dead-letters")))) { "Do nothing" }
                }
              },
              Tags.section(.class("card flush")) {
                Tags.h2 { survey.count > survey.sample.count ? "The first \(survey.sample.count) of them" : "They are" }
                DeadLettersPage.table(survey.sample, picks: false, call)
              },
            ]))
      ])
  }

  private static func sentence(_ deed: Deed, _ count: Int, _ filter: DeadLetterFilter) -> String {
    let what = "\(Show.count(count, "dead letter")) (\(filter.words))"
    return deed == .replay
      ? "\(what) will go back to the queues that gave up on them, with their ids and a new set of attempts. What is parked from now on is left alone."
      : "\(what) will be deleted for good. What is parked from now on is left alone."
  }

  /// Acts on what was counted, and on nothing that was parked after it.
  @Sendable static func actOnAll(_ call: Call) async throws -> Answer {
    let deed = try Deed(call.form)
    let filter = DeadLetterFilter(call.form)
    guard let count = call.form["count"].flatMap({ Int($0) }), count > 0,
      let until = call.form["until"].flatMap({ Int64($0) })
    else { throw Refusal(.badRequest, "the number that was confirmed is missing: count them again") }
    var selection = try filter.selection(call, limit: count)
    let end = Date(wholeMilliseconds: until)
    selection.until = min(selection.until ?? end, end)
    let report = try await perform(deed, [selection], queue: filter.queue, call)
    let missing = max(0, count - report.done - report.stayed)
    return .see(
      Notice(deed.word, count: report.done, stayed: report.stayed, missing: missing).on(
        filter.on(call.link("dead-letters"))))
  }

  /// Acts on those that were ticked. Deleting asks first.
  @Sendable static func actOnSelected(_ call: Call) async throws -> Answer {
    let deed = try Deed(call.form)
    let picks = call.form.all("pick").compactMap(Pick.init)
    let filter = DeadLetterFilter(call.form)
    if picks.isEmpty {
      throw Refusal(.badRequest, "no dead letter was selected: tick some, then press the button again")
    }
    let byQueue = Dictionary(grouping: Set(picks), by: \.queue).sorted { $0.key < $1.key }
    for (queue, _) in byQueue { try call.require(deed.action, queue) }
    if deed == .delete, call.form["sure"] == nil { return .page(confirmSelected(picks, filter, call)) }
    let selections = byQueue.map { queue, picks in DeadLetterSelection(queue: queue, ids: picks.map(\.id), limit: .max)
    }
    let queue = byQueue.count == 1 ? byQueue[0].key : nil
    let report = try await perform(deed, selections, queue: queue, call)
    return .see(
      Notice(deed.word, count: report.done, stayed: report.stayed, missing: report.missing)
        .on(filter.on(call.link("dead-letters"))))
  }

  private static func confirmSelected(_ picks: [Pick], _ filter: DeadLetterFilter, _ call: Call) -> Page {
    let hidden = filter.list + [("do", "delete"), ("sure", "yes")] + picks.map { ("pick", $0.text) }
    return Page(
      title: "Delete \(Show.count(picks.count, "dead letter"))", section: .deadLetters,
      trail: [.init(title: "Dead letters", link: filter.on(call.link("dead-letters")))],
      regions: [
        .init(
          id: "confirm",
          content: Parts.card(nil) {
            Tags.p { "They will be deleted for good:" }
            Tags.ul(.class("tree")) {
              for pick in picks { Tags.li { "\(pick.id) in \(pick.queue)" } }
            }
            Parts.form(call, to: "dead-letters/selected", class: "actions", hidden) {
              Parts.button("Delete \(Show.count(picks.count, "dead letter"))", "danger sure")
              Tags.a(.class("button"), .href(filter.on(call.link("dead-letters")))) { "Keep them" }
            }
          })
      ])
  }

  private struct Sum: Sendable {
    var done = 0
    var stayed = 0
    var missing = 0
  }

  private static func perform(
    _ deed: Deed, _ selections: [DeadLetterSelection], queue: QueueName?, _ call: Call
  ) async throws -> Sum {
    let operations = call.operations
    return try await call.act(deed.action, queue) {
      var sum = Sum()
      for selection in selections {
        let survey = try await operations.survey(selection)
        let report =
          deed == .replay ? try await operations.replay(survey) : try await operations.delete(survey)
        sum.done += report.done
        sum.stayed += report.stayed
        sum.missing += report.missing.count
        if let failure = report.failure {
          throw Refusal(
            Refusal(failure).status, "\(sum.done) were done, then it ended: \(failure.message)")
        }
      }
      return sum
    }
  }
}
