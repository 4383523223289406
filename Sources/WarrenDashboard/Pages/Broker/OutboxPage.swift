internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// What waits in the application's outbox, and what cannot be published.
enum OutboxPage {
  /// How many that fail are shown.
  static let limit = 100

  @Sendable static func page(_ call: Call) async throws -> Page {
    guard call.operations.hasOutbox else {
      return Page(
        title: "Outbox", section: .outbox,
        regions: [
          .init(
            id: "outbox",
            content: Parts.card(nil) {
              Parts.empty("No outbox is given") { "The program that serves the dashboard can give it its outbox." }
            })
        ])
    }
    let operations = call.operations
    let (status, findings, failing) = try await call.look("outbox") {
      (
        try await operations.outboxStatus(), try await operations.outboxFindings(),
        try await operations.failingPublications(limit: limit)
      )
    }
    return Page(
      title: "Outbox", section: .outbox,
      regions: [
        .init(id: "status", content: tiles(status)),
        .init(
          id: "findings",
          content: findings.isEmpty ? .empty : Parts.card("What is not well") { Parts.findings(findings, call) }),
        .init(id: "failing", content: self.failing(failing, status, call)),
      ], isLive: true)
  }

  private static func tiles(_ status: OutboxStatus) -> HTML {
    Tags.div(.class("tiles")) {
      Parts.tile("Waiting", Show.number(status.waiting), "for the relay", .quiet)
      Parts.tile(
        "Oldest", status.waiting == 0 ? "none" : status.lag.words, "waits to be published",
        status.lag > .seconds(300) ? .bad : status.lag > .seconds(30) ? .warning : .good)
      Parts.tile(
        "Failing", Show.number(status.failing), "tried, and tried again", status.failing == 0 ? .good : .bad)
      Parts.tile(
        "Relay", status.isRelayed ? "works" : "none", status.isRelayed ? "in some process" : "no process relays",
        status.isRelayed ? .good : .bad)
    }
  }

  private static func failing(_ failing: [FailingPublication], _ status: OutboxStatus, _ call: Call) -> HTML {
    if failing.isEmpty {
      return Parts.card(nil) {
        Parts.empty("Nothing fails") { "What waits is published as soon as the broker can be reached." }
      }
    }
    return Tags.section(.class("card flush")) {
      Tags.div(.class("bar first")) {
        Tags.span(.class("muted")) { "\(Show.count(status.failing, "message")) could not be published" }
        if call.may(.replay) {
          Tags.div(.class("push")) {
            Parts.form(call, to: "outbox/retry") {
              Parts.button("Try \(Show.count(status.failing, "message")) again now", "primary")
            }
          }
        }
      }
      Tags.div(.class("scroll")) {
        Tags.table(.class("stack")) {
          Parts.head(
            ("Message", false), ("To", false), ("Error", false), ("Attempts", true), ("Waits since", true),
            ("Next try", true), ("", false))
          Tags.tbody { for entry in failing { row(entry, call) } }
        }
      }
    }
  }

  private static func row(_ entry: FailingPublication, _ call: Call) -> HTML {
    Tags.tr {
      Parts.cell("Message") {
        Tags.strong { entry.name?.rawValue ?? "unnamed" }
        Parts.id(entry.id.rawValue)
      }
      Parts.cell("To") { Tags.span(.class("keep")) { entry.destination } }
      Parts.cell("Error") { Tags.span(.class("wide"), .title(entry.error)) { entry.error } }
      Parts.cell("Attempts", number: true) { Show.number(entry.attempts) }
      Parts.cell("Waits since", number: true) { Show.ago(entry.stored, now: call.now) }
      Parts.cell("Next try", number: true) { Show.ago(entry.nextTry, now: call.now) }
      Parts.cell("") {
        if call.may(.delete) {
          Tags.a(.class("button danger"), .href(call.link("outbox/discard").with("id", entry.id.rawValue))) {
            "Discard…"
          }
        }
      }
    }
  }

  // MARK: Actions

  @Sendable static func retry(_ call: Call) async throws -> Answer {
    let count = try await call.act(.replay, nil) { try await call.operations.retryOutbox() }
    return .see(Notice(.retried, count: count).on(call.link("outbox")))
  }

  /// Asks before a message is lost.
  @Sendable static func confirmDiscard(_ call: Call) async throws -> Page {
    let (id, _) = try Wanted.letter(call.fields)
    return Page(
      title: "Discard a message of the outbox", section: .outbox,
      trail: [.init(title: "Outbox", link: call.link("outbox"))],
      regions: [
        .init(
          id: "confirm",
          content: Parts.card(nil) {
            Tags.p { "The message \(id) will never be published. It cannot be brought back." }
            Parts.form(call, to: "outbox/discard", class: "actions", [("id", id.rawValue)]) {
              Parts.button("Discard 1 message", "danger sure")
              Tags.a(.class("button"), .href(call.link("outbox"))) { "Keep it" }
            }
          })
      ])
  }

  @Sendable static func discard(_ call: Call) async throws -> Answer {
    let (id, _) = try Wanted.letter(call.form)
    try await call.act(.delete, nil) { try await call.operations.discardFromOutbox(id) }
    return .see(Notice(.discarded).on(call.link("outbox")))
  }
}
