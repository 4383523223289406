internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// One dead letter: why, what it has been through, what is in it, what can be done.
enum OneDeadLetterPage {
  @Sendable static func page(_ call: Call) async throws -> Page {
    let (id, queue) = try Wanted.letter(call.fields)
    let letters = try await call.operations.deadLetters(id, in: queue).filter { call.may(.see, $0.queue) }
    return try page(letters, id, call, isRevealed: false)
  }

  /// The same page with its secrets. It is asked for by a form, and written down.
  @Sendable static func reveal(_ call: Call) async throws -> Answer {
    let (id, queue) = try Wanted.letter(call.form)
    let operations = call.desk.revealing
    let letters = try await call.reveal(.reveal, id, queue) { try await operations.deadLetters(id, in: queue) }
    return .page(try page(letters, id, call, isRevealed: true))
  }

  private static func page(_ letters: [DeadLetterView], _ id: MessageID, _ call: Call, isRevealed: Bool) throws -> Page
  {
    guard let letter = letters.first else { throw Refusal(.notFound, "there is no dead letter '\(id)'") }
    return Page(
      title: letter.name?.rawValue ?? "Message without a name", section: .deadLetters,
      trail: [.init(title: "Dead letters", link: call.link("dead-letters").with("queue", letter.queue.rawValue))],
      regions: [
        .init(id: "others", content: others(letters, id, call)),
        .init(id: "actions", content: actions(letter, id, call)),
        .init(
          id: "letter",
          content: Tags.div(.class("columns")) {
            about(letter, call)
            attempts(letter, call)
          }),
        .init(id: "content", content: content(letter, id, call, isRevealed: isRevealed)),
      ])
  }

  private static func others(_ letters: [DeadLetterView], _ id: MessageID, _ call: Call) -> HTML {
    if letters.count < 2 { return .empty }
    return Tags.p(.class("notice warning")) {
      "Several queues gave up on this message. This is the one in \(letters[0].queue.rawValue); see also: "
      for other in letters.dropFirst() {
        Tags.a(.href(DeadLettersPage.link(id, other.queue, call))) { other.queue.rawValue }
        " "
      }
    }
  }

  private static func actions(_ letter: DeadLetterView, _ id: MessageID, _ call: Call) -> HTML {
    let fields: [(String, String?)] = [("id", id.rawValue), ("queue", letter.queue.rawValue)]
    return Tags.div(.class("actions")) {
      if call.may(.replay, letter.queue) {
        Parts.form(call, to: "dead-letter/replay", fields) {
          Parts.button("Replay to \(letter.origin.rawValue)", "primary")
        }
      }
      if call.may(.edit, letter.queue), call.may(.seeMessages, letter.queue) {
        Parts.form(call, to: "dead-letter/edit", fields) { Parts.button("Edit and replay…") }
      }
      if call.may(.delete, letter.queue) {
        Parts.form(
          call, to: "dead-letters/selected",
          [("do", "delete"), ("pick", Pick(id: id, queue: letter.queue).text), ("queue", letter.queue.rawValue)]
        ) { Parts.button("Delete…", "danger") }
      }
    }
  }

  private static func about(_ letter: DeadLetterView, _ call: Call) -> HTML {
    let now = call.desk.now
    return Parts.card("What and why") {
      Tags.dl(.class("facts")) {
        Parts.row("Id", letter.id.map { Parts.id($0.rawValue) })
        Parts.row("Reason", Parts.badge(letter.reason.rawValue, letter.reason == .exhausted ? .warning : .bad))
        Parts.row("In particular", Parts.text(letter.detail))
        Parts.row(
          "Given up on by",
          Tags.a(.href(call.link("queue").with("name", letter.origin.rawValue))) { letter.origin.rawValue })
        Parts.row(
          "Lies in", Tags.a(.href(call.link("queue").with("name", letter.queue.rawValue))) { letter.queue.rawValue })
        Parts.row("Parked", Show.exact(letter.time, now: now))
        Parts.row("Published", letter.published.map { Show.exact($0, now: now) })
        Parts.row("Published by", Parts.text(letter.source))
        Parts.row("Exchange", Parts.text(letter.exchange?.rawValue))
        Parts.row("Routing key", Parts.text(letter.routingKey.rawValue).map { key in Tags.code { key } })
        Parts.row("Priority", HTML("\(letter.priority.rawValue)"))
        Parts.row("Expires", letter.expiresAt.map { Show.exact($0, now: now) })
        Parts.row("Correlation id", letter.correlationID.map { Parts.id($0) })
        Parts.row("Caused by", letter.causationID.map { Parts.id($0) })
        Parts.row(
          "Replayed before", letter.replays > 0 ? HTML(letter.replays == 1 ? "once" : "\(letter.replays) times") : nil)
      }
    }
  }

  private static func attempts(_ letter: DeadLetterView, _ call: Call) -> HTML {
    let parked = Tags.li {
      Tags.strong { "Parked as \(letter.reason.rawValue)" }
      Tags.p(.class("muted")) { Show.exact(letter.time, now: call.desk.now) }
    }
    return ContentParts.timeline(
      published: letter.published, letter.failures, parked, attempts: letter.attempts,
      interruptions: letter.interruptions, call)
  }

  private static func content(_ letter: DeadLetterView, _ id: MessageID, _ call: Call, isRevealed: Bool) -> HTML {
    ContentParts(
      queue: letter.queue, body: letter.body, contentType: letter.contentType, contentEncoding: letter.contentEncoding,
      headers: letter.headers, isRevealed: isRevealed,
      reveal: ("dead-letter/reveal", [("id", id.rawValue), ("queue", letter.queue.rawValue)])
    ).content(call)
  }

  @Sendable static func replay(_ call: Call) async throws -> Answer {
    let (id, queue) = try Wanted.letter(call.form)
    let operations = call.operations
    let report = try await call.act(.replay, queue) {
      let survey = try await operations.survey(DeadLetterSelection(queue: queue, ids: [id], limit: .max))
      if survey.count == 0 {
        throw Refusal(.conflict, "the dead letter '\(id)' is not there any more: it was replayed or deleted meanwhile")
      }
      let report = try await operations.replay(survey)
      if let failure = report.failure { throw failure }
      return report
    }
    let list = call.link("dead-letters").with("queue", queue?.rawValue)
    return .see(Notice(.replayed, count: report.done, stayed: report.stayed).on(list))
  }
}
