internal import Foundation
internal import Warren
internal import WarrenOperations

/// Dead letters, a page at a time, the oldest first.
enum DeadLettersPage {
  static let pageSize = 50

  @Sendable static func page(_ call: Call) async throws -> Page {
    let filter = DeadLetterFilter(call.fields)
    try call.require(.see, filter.queue)
    var selection = try filter.selection(call, limit: pageSize)
    selection.includesBodies = false
    let after = call.fields["after"].flatMap { Int64($0) }
    selection.after = after.map { DeadLetterPage.Cursor(position: $0) }
    var (letters, next) = try await call.operations.deadLetterPage(selection)
    letters.removeAll { !call.may(.see, $0.queue) }
    let known = try? await call.overview()
    return Page(
      title: "Dead letters", section: .deadLetters,
      regions: [
        .init(id: "filter", content: form(filter, known, call)),
        .init(id: "letters", content: list(letters, next, filter, isFirst: after == nil, total(filter, known), call)),
      ])
  }

  /// How many there are, where counting costs nothing.
  private static func total(_ filter: DeadLetterFilter, _ known: Overview?) -> Int? {
    guard let holders = known?.queues?.filter(\.holdsDeadLetters) else { return nil }
    if filter.isEmpty { return holders.reduce(0) { $0 + $1.ready } }
    if filter.list.count == 1, let queue = filter.queue { return holders.first { $0.name == queue }?.ready }
    return nil
  }

  private static func form(_ filter: DeadLetterFilter, _ known: Overview?, _ call: Call) -> HTML {
    let queues = known?.queues ?? []
    let reasons =
      [(value: "", title: "any")] + DeadLetterReason.Kind.allCases.map { (value: $0.rawValue, title: $0.rawValue) }
    return Tags.form(
      .class("card filter"), Attribute("method", "get"), Attribute("action", call.link("dead-letters").text),
      .role("search")
    ) {
      Tags.div(.class("whole")) {
        Fields.text(
          "q", "Search", filter["q"], hint: "queue:email error~timeout age>1h data.user.id=42 -source:test",
          isSearch: true)
      }
      name("queue", "Lies in", filter, queues.filter(\.holdsDeadLetters))
      name("origin", "Given up on by", filter, queues.filter { !$0.holdsDeadLetters })
      Fields.text("name", "Message", filter["name"], hint: "booking.created")
      Fields.choice("reason", "Reason", filter["reason"], reasons)
      Fields.text("error", "Error contains", filter["error"], hint: "timeout")
      Fields.text("age", "Parked longer than", filter["age"], hint: "15m, 2h, 3d")
      Tags.div(.class("actions")) {
        Parts.button("Show", "primary")
        if !filter.isEmpty { Tags.a(.href(call.link("dead-letters"))) { "Show all" } }
      }
    }
  }

  /// The name of a queue, to be chosen, or written where there are too many to choose from.
  private static func name(_ field: String, _ label: String, _ filter: DeadLetterFilter, _ queues: [QueueStatus])
    -> HTML
  {
    let chosen = filter[field]
    if queues.count > 100 { return Fields.text(field, label, chosen, hint: "any") }
    var options = [(value: "", title: "any")] + queues.map { (value: $0.name.rawValue, title: $0.name.rawValue) }
    if let chosen, !options.contains(where: { $0.value == chosen }) { options.append((value: chosen, title: chosen)) }
    return Fields.choice(field, label, chosen, options)
  }

  private static func list(
    _ letters: [DeadLetterView], _ next: DeadLetterPage.Cursor?, _ filter: DeadLetterFilter, isFirst: Bool,
    _ total: Int?,
    _ call: Call
  ) -> HTML {
    if letters.isEmpty {
      return Tags.section(.class("card")) {
        Parts.empty(isFirst ? (filter.isEmpty ? "No dead letters" : "No dead letter matches") : "No more dead letters")
        {
          if !isFirst {
            Tags.a(.href(filter.on(call.link("dead-letters")))) { "Back to the first page" }
          } else if filter.isEmpty {
            "Messages that are given up on wait here, with their errors, until a person corrects, replays or deletes them. "
            if call.operations.restoresDeadLetters, call.may(.delete) {
              Tags.a(.href(call.link("dead-letters/deleted"))) { "Deleted ones can be put back" }
            }
          } else {
            "Nothing is among the \(filter.words). "
            Tags.a(.href(call.link("dead-letters"))) { "Show all" }
          }
        }
      }
    }
    let mayReplay = call.may(.replay, filter.queue)
    let mayDelete = call.may(.delete, filter.queue)
    return Tags.section(.class("card flush")) {
      Parts.form(call, to: "dead-letters/selected", filter.list) {
        Tags.div(.class("bar first")) {
          if mayReplay {
            Tags.button(
              .type("submit"), .class("button"), .name("do"), .value("replay"), Attribute("data-selected", "Replay")
            ) { "Replay selected" }
          }
          if mayDelete {
            Tags.button(
              .type("submit"), .class("button danger"), .name("do"), .value("delete"),
              Attribute("data-selected", "Delete")
            ) { "Delete selected…" }
          }
          Tags.span(.class("push muted")) {
            if let total {
              "\(Show.count(total, "dead letter")), the oldest first"
            } else {
              "Those that match, the oldest first"
            }
          }
          if mayReplay {
            Tags.a(.class("button"), .href(filter.on(call.link("dead-letters/all").with("do", "replay")))) {
              "Replay all matching…"
            }
          }
          if mayDelete {
            Tags.a(.class("button danger"), .href(filter.on(call.link("dead-letters/all").with("do", "delete")))) {
              "Delete all matching…"
            }
          }
        }
        table(letters, picks: mayReplay || mayDelete, call)
      }
      Tags.nav(.class("bar"), .label("Pages of dead letters")) {
        if !isFirst { Tags.a(.href(filter.on(call.link("dead-letters")))) { "First page" } }
        if let next {
          Tags.a(.class("push"), .href(filter.on(call.link("dead-letters")).with("after", "\(next.position)"))) {
            "Next \(pageSize)"
          }
        } else {
          Tags.span(.class("push muted")) { "These are the last." }
        }
        if call.operations.restoresDeadLetters, call.may(.delete, filter.queue) {
          Tags.a(.href(call.link("dead-letters/deleted"))) { "Deleted ones" }
        }
      }
    }
  }

  static func table(_ letters: [DeadLetterView], picks: Bool, _ call: Call) -> HTML {
    Tags.div(.class("scroll")) {
      Tags.table(.class("stack")) {
        Tags.thead {
          Tags.tr {
            if picks {
              Tags.th(.class("pick")) {
                Tags.input(
                  .type("checkbox"), Attribute("data-all", if: true), Attribute("hidden", if: true),
                  .label("Select all on this page"))
              }
            }
            for title in ["Message", "Given up on by", "Reason", "Error"] { Tags.th(.scope("col")) { title } }
            Tags.th(.scope("col"), .class("number")) { "Attempts" }
            Tags.th(.scope("col"), .class("number")) { "Parked" }
          }
        }
        Tags.tbody { for letter in letters { row(letter, picks: picks, call) } }
      }
    }
  }

  private static func row(_ letter: DeadLetterView, picks: Bool, _ call: Call) -> HTML {
    let name = letter.name?.rawValue ?? "unnamed"
    return Tags.tr {
      if picks {
        Tags.td(.class("pick")) {
          if let id = letter.id {
            Tags.input(
              .type("checkbox"), .name("pick"), .value(Pick(id: id, queue: letter.queue).text),
              .label("Select \(name) \(id)"))
          }
        }
      }
      Parts.cell("Message") {
        if let id = letter.id {
          Tags.a(.href(link(id, letter.queue, call))) { name }
          Tags.small(.class("muted wide mono")) { id.rawValue }
        } else {
          Tags.span { name }
          Tags.small(.class("muted wide")) { "came without an id: only a filter can select it" }
        }
      }
      Parts.cell("Given up on by") { letter.origin.rawValue }
      Parts.cell("Reason") { Parts.badge(letter.reason.rawValue, letter.reason == .exhausted ? .warning : .bad) }
      Parts.cell("Error") { Tags.span(.class("wide"), .title(error(letter))) { error(letter) } }
      Parts.cell("Attempts", number: true) { Show.number(letter.attempts) }
      Parts.cell("Parked", number: true) { Show.ago(letter.time, now: call.desk.now) }
    }
  }

  static func link(_ id: MessageID, _ queue: QueueName, _ call: Call) -> Link {
    call.link("dead-letter").with("id", id.rawValue).with("queue", queue.rawValue)
  }

  /// The first line of what went wrong.
  static func error(_ letter: DeadLetterView) -> String {
    let text = letter.failures.last.map { "\($0.error): \($0.message)" } ?? letter.detail
    return text.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? ""
  }
}

/// A dead letter that was ticked.
struct Pick: Sendable, Hashable {
  let id: MessageID
  let queue: QueueName

  init(id: MessageID, queue: QueueName) {
    self.id = id
    self.queue = queue
  }

  init?(_ text: String) {
    let fields = FormFields(text)
    guard let id = fields["id"], let queue = fields["queue"] else { return nil }
    self.init(id: MessageID(id), queue: QueueName(queue))
  }

  var text: String {
    FormFields([.init(name: "queue", value: queue.rawValue), .init(name: "id", value: id.rawValue)]).text
  }
}
