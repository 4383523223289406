internal import Foundation
internal import Warren
internal import WarrenOperations

/// All queues.
enum QueuesPage {
  @Sendable static func page(_ call: Call) async throws -> Page {
    let overview = try await call.overview()
    let queues = Paged(shown(overview.queues ?? [], call), call)
    return Page(
      title: "Queues", section: .queues,
      regions: [
        .init(id: "filter", content: filter(call)),
        .init(
          id: "queues",
          content: Tags.section(.class("card flush")) {
            table(Array(queues.shown), overview, call)
            queues.links("queues", call)
          }),
      ], isLive: true)
  }

  private static func filter(_ call: Call) -> HTML {
    Tags.form(
      .class("card filter"), Attribute("method", "get"), Attribute("action", call.link("queues").text), .role("search")
    ) {
      Fields.text("q", "Name contains", call.fields["q"], isSearch: true)
      Fields.choice(
        "state", "State", call.fields["state"],
        [
          ("", "any"), ("active", "active"), ("paused", "paused"), ("unattended", "no worker"),
          ("dead-letters", "dead letters"),
        ])
      Fields.choice(
        "sort", "Sort by", call.fields["sort"],
        [("", "name"), ("ready", "most waiting"), ("oldest", "oldest waiting"), ("dead", "most dead letters")])
      Tags.div(.class("actions")) { Parts.button("Show", "primary") }
    }
  }

  private static func shown(_ queues: [QueueStatus], _ call: Call) -> [QueueStatus] {
    let text = call.fields["q"]?.lowercased()
    let state = call.fields["state"]
    let found = queues.filter { queue in
      (text.map { queue.name.rawValue.lowercased().contains($0) } ?? true)
        && (state.map { queue.state.rawValue == $0 } ?? true)
    }
    switch call.fields["sort"] {
    case "ready": return found.sorted { ($0.ready, $1.name) > ($1.ready, $0.name) }
    case "oldest":
      return found.sorted { ($0.oldest ?? .distantFuture, $0.name) < ($1.oldest ?? .distantFuture, $1.name) }
    case "dead": return found.sorted { (dead($0), $1.name) > (dead($1), $0.name) }
    default: return found
    }
  }

  private static func dead(_ queue: QueueStatus) -> Int { queue.holdsDeadLetters ? queue.ready : 0 }

  static func table(_ queues: [QueueStatus], _ overview: Overview, _ call: Call) -> HTML {
    if overview.queues == nil {
      return Parts.empty("The engine cannot list its queues now") {
        "What is missing stands among the findings of the overview."
      }
    }
    if queues.isEmpty {
      let isFiltered = ["q", "state"].contains { call.fields[$0] != nil }
      return Parts.empty(isFiltered ? "No queue matches" : "No queues yet") {
        if isFiltered {
          Tags.a(.href(call.link("queues"))) { "Show all queues" }
        } else {
          "Queues are declared by the first service that applies its topology."
        }
      }
    }
    let hasRates = queues.contains { $0.rates != nil }
    return Tags.div(.class("scroll")) {
      Tags.table(.class("stack")) {
        Parts.head(
          ("Queue", false), ("State", false), ("Waiting", true), ("Oldest", true), ("Running", true), ("Delayed", true),
          ("Consumers", true), (hasRates ? "In / done per s" : "Completed", true), ("Gave up", true))
        Tags.tbody { for queue in queues { row(queue, hasRates, overview, call) } }
      }
    }
  }

  private static func row(_ queue: QueueStatus, _ hasRates: Bool, _ overview: Overview, _ call: Call) -> HTML {
    let age = queue.oldest.map { overview.time.timeIntervalSince($0) } ?? 0
    let heat = queue.holdsDeadLetters || queue.isPaused ? nil : age > 900 ? "hot" : age > 60 ? "warm" : nil
    return Tags.tr {
      Parts.cell("Queue") {
        Tags.a(.href(call.link("queue").with("name", queue.name.rawValue))) { queue.name.rawValue }
      }
      Parts.cell("State") { Parts.state(queue) }
      Parts.cell("Waiting", number: true) {
        Tags.span(.class(queue.ready == 0 ? "zero" : nil)) { Show.number(queue.ready) }
      }
      Parts.cell("Oldest", number: true) { Tags.span(.class(heat)) { Show.age(queue.oldest, now: overview.time) } }
      Parts.cell("Running", number: true) { Show.number(queue.running) }
      Parts.cell("Delayed", number: true) { Show.number(queue.delayed) }
      Parts.cell("Consumers", number: true) { Show.number(queue.consumers) }
      if hasRates {
        Parts.cell("In / done per s", number: true) { rates(queue.rates) }
      } else {
        Parts.cell("Completed", number: true) { Show.number(queue.totals?.completed) }
      }
      Parts.cell("Gave up", number: true) { Show.number(queue.totals?.deadLettered) }
    }
  }

  static func rates(_ rates: QueueStatus.Rates?) -> HTML {
    guard let rates else { return Show.none }
    return HTML(String(format: "%.1f / %.1f", rates.published, rates.settled))
  }
}
