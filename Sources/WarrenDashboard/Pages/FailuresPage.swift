internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// Dead letters by cause.
enum FailuresPage {
  @Sendable static func page(_ call: Call) async throws -> Page {
    let filter = DeadLetterFilter(call.fields)
    try call.require(.see, filter.queue)
    var groups = try await call.operations.groups(try filter.selection(call, limit: .max))
    groups.groups.removeAll { !call.may(.see, $0.origin) }
    return Page(
      title: "Failures", section: .failures,
      regions: [
        .init(
          id: "groups",
          content: Tags.section(.class("card flush")) {
            if groups.groups.isEmpty {
              Parts.empty("No failures") {
                "Dead letters with the same cause stand here as one group: the queue, the message, the reason and the error without its numbers, ids and quotations."
              }
            } else {
              Tags.div(.class("bar first")) {
                Tags.span(.class("muted")) {
                  "\(Show.count(groups.groups.count, "group")) of \(Show.count(groups.read, "dead letter"))"
                  groups.isComplete ? "" : ": these are the oldest; the rest was not read"
                }
              }
              let shown = Paged(groups.groups, call)
              table(Array(shown.shown), call)
              shown.links("groups", call)
            }
          })
      ])
  }

  private static func table(_ groups: [DeadLetterGroup], _ call: Call) -> HTML {
    let largest = groups.map(\.count).max() ?? 1
    return Tags.div(.class("scroll")) {
      Tags.table(.class("stack")) {
        Parts.head(
          ("Error", false), ("State", false), ("Count", true), ("Message", false), ("Given up on by", false),
          ("Reason", false), ("First", true), ("Last", true), ("", false))
        Tags.tbody {
          for group in groups {
            Tags.tr {
              Parts.cell("Error") {
                Tags.strong { group.error ?? group.reason.rawValue }
                Tags.small(.class("muted wide"), .title(group.message)) { group.message }
              }
              Parts.cell("State") { state(group, call) }
              Parts.cell("Count", number: true) {
                bar(group.count, largest)
                Tags.strong { Show.number(group.count) }
              }
              Parts.cell("Message") { group.name?.rawValue ?? "unnamed" }
              Parts.cell("Given up on by") { group.origin.rawValue }
              Parts.cell("Reason") { Parts.badge(group.reason.rawValue, group.reason == .exhausted ? .warning : .bad) }
              Parts.cell("First", number: true) { Show.ago(group.first, now: call.desk.now) }
              Parts.cell("Last", number: true) { Show.ago(group.last, now: call.desk.now) }
              Parts.cell("") {
                Tags.div(.class("actions")) {
                  Tags.a(.class("button"), .href(letters(group, call))) { "Show them" }
                  marks(group, call)
                }
              }
            }
          }
        }
      }
    }
  }

  private static func state(_ group: DeadLetterGroup, _ call: Call) -> HTML {
    guard let state = group.state else { return Tags.span(.class("muted")) { "not kept" } }
    let tone: Parts.Tone =
      switch state {
      case .new: .warning
      case .returned: .bad
      case .resolved: .good
      case .ignored: .quiet
      }
    guard let mark = group.mark else { return Parts.badge(state.rawValue, tone) }
    return HTML([
      Parts.badge(state.rawValue, tone),
      Tags.small(.class("muted under")) {
        "\(mark.kind.rawValue) by \(mark.actor) "
        Show.ago(mark.time, now: call.desk.now)
      },
    ])
  }

  private static func marks(_ group: DeadLetterGroup, _ call: Call) -> HTML {
    guard let state = group.state, call.may(.mark, group.origin) else { return .empty }
    let choices =
      state.isSettled ? [("open", "Open again")] : [("resolved", "Resolve"), ("ignored", "Ignore")]
    return HTML(
      choices.map { value, title in
        Parts.form(call, to: "failure/mark", [("group", group.fingerprint), ("as", value)]) { Parts.button(title) }
      })
  }

  /// Says of a group that it is resolved or ignored, or takes that back.
  @Sendable static func mark(_ call: Call) async throws -> Answer {
    guard let group = call.form["group"] else { throw Refusal(.badRequest, "the form does not say which group") }
    let word = call.form["as"] ?? ""
    let kind = FailureMark.Kind(rawValue: word)
    if kind == nil, word != "open" {
      throw Refusal(.badRequest, "'\(word.prefix(20))' is no mark: write resolved, ignored or open")
    }
    let one = try await call.operations.groups(DeadLetterSelection(fingerprint: group, limit: 1)).groups.first
    _ = try await call.act(.mark, one?.origin) { try await call.operations.mark(group, as: kind) }
    return .see(Notice(.marked).on(call.link("failures")))
  }

  private static func bar(_ count: Int, _ largest: Int) -> HTML {
    Tags.svg(
      .class("bar-line"), Attribute("viewBox", "0 0 60 8"), Attribute("width", "60"), Attribute("height", "8"),
      Attribute("aria-hidden", "true")
    ) {
      Tags.rect(
        Attribute("width", "\(max(2, count * 60 / max(1, largest)))"), Attribute("height", "8"), Attribute("rx", "2")
      ) { HTML.empty }
    }
  }

  /// The dead letters of a group.
  private static func letters(_ group: DeadLetterGroup, _ call: Call) -> Link {
    call.link("dead-letters").with("group", group.fingerprint)
  }
}
