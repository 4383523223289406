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
    var operation: BulkOperation.Action { self == .replay ? .replay : .delete }

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
    try await call.requireEverywhere(deed.action, filter.queue)
    let first = try Wanted.number("first", call.fields)
    let survey = try await call.operations.survey(try filter.selection(call, limit: first ?? .max))
    let hidden: [(String, String?)] =
      try filter.frozen(call).list + [
        ("do", deed.rawValue), ("count", "\(survey.count)"), ("until", survey.newest.map { "\($0.wholeMilliseconds)" }),
      ]
    let consequence = deed == .delete ? " " + DeletedPage.consequence(call) : ""
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
                Tags.p { sentence(deed, survey.count, filter) + consequence }
                Tags.p(.class("muted")) { course(call) }
                Parts.form(call, to: "dead-letters/all", class: "filter", hidden) {
                  if call.operations.keepsBulkOperations {
                    Fields.text("rate", "At most so many a second", nil, hint: "as fast as it goes")
                  }
                  Tags.div(.class("actions")) {
                    Parts.button(
                      "\(deed.verb) \(Show.count(survey.count, "dead letter"))",
                      deed == .delete ? "danger sure" : "primary")
                    Tags.a(.class("button"), .href(filter.on(call.link("dead-letters")))) { "Do nothing" }
                  }
                }
              },
              fewer(deed, filter, first, call),
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
      : "\(what) will be deleted. What is parked from now on is left alone."
  }

  /// How it will be done.
  private static func course(_ call: Call) -> String {
    call.operations.keepsBulkOperations
      ? "It is done in the background: the next page shows how far it is, and can end it. When this process dies, the next dashboard goes on."
      : "\(call.operations.broker.capabilities.engine) keeps no operations, so it is done while the next page waits for it. When that is broken off, what is done is done, and the same again does the rest."
  }

  /// Asks for the first of them only.
  private static func fewer(_ deed: Deed, _ filter: DeadLetterFilter, _ first: Int?, _ call: Call) -> HTML {
    Tags.form(
      .class("card filter"), Attribute("method", "get"), Attribute("action", call.link("dead-letters/all").text)
    ) {
      Parts.hiddenFields(filter.list + [("do", deed.rawValue)])
      Fields.text("first", "Only so many, the oldest", first.map { "\($0)" }, hint: "all that match")
      Tags.div(.class("actions")) { Parts.button("Count again") }
    }
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
    if call.operations.keepsBulkOperations {
      return .see(try await begin(deed, selection, count: count, rate: try Wanted.rate(call.form), filter, call))
    }
    let report = try await perform(deed, [selection], queue: filter.queue, call)
    let missing = max(0, count - report.done - report.stayed)
    return .see(
      Notice(deed.word, count: report.done, stayed: report.stayed, missing: missing).on(
        filter.on(call.link("dead-letters"))))
  }

  /// Begins an operation in the background; the address is that of its page.
  private static func begin(
    _ deed: Deed, _ selection: DeadLetterSelection, count: Int, rate: Double?, _ filter: DeadLetterFilter, _ call: Call
  ) async throws -> Link {
    try await call.act(deed.action, filter.queue) {
      let survey = try await call.operations.survey(selection)
      if survey.count == 0 {
        throw Refusal(
          .conflict,
          "none of the \(Show.count(count, "dead letter")) is there any more: they were replayed or deleted meanwhile")
      }
      let operation = try await call.desk.background.begin(deed.operation, survey, rate: rate, call.operations)
      let notice = Notice(.begun, count: operation.total, missing: max(0, count - operation.total))
      return notice.on(OperationsPage.link(operation.id, call))
    }
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
            Tags.p { "They will be deleted. " + DeletedPage.consequence(call) }
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
