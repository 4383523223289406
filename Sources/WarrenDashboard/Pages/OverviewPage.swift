internal import Foundation
internal import Warren
internal import WarrenOperations

/// The broker on one screen.
enum OverviewPage {
  @Sendable static func page(_ call: Call) async throws -> Page {
    let overview = try await call.overview()
    let queues = overview.queues ?? []
    return Page(
      title: "Overview", section: .overview,
      regions: [
        .init(id: "tiles", content: tiles(overview, queues, call)),
        .init(id: "findings", content: findings(overview, call)),
        .init(id: "history", content: await HistoryParts.all(call)),
        .init(id: "queues", content: busiest(overview, queues, call)),
      ], isLive: true)
  }

  private static func tiles(_ overview: Overview, _ queues: [QueueStatus], _ call: Call) -> HTML {
    let work = queues.filter { !$0.holdsDeadLetters }
    let dead = queues.filter(\.holdsDeadLetters).reduce(0) { $0 + $1.ready }
    let running = work.compactMap(\.running)
    let delayed = work.compactMap(\.delayed).reduce(0, +)
    let oldest = work.filter { $0.ready > 0 && !$0.isPaused }.compactMap { queue in queue.oldest.map { (queue, $0) } }
      .min { $0.1 < $1.1 }
    let problems = overview.findings.count { $0.severity == .problem }
    return Tags.div(.class("tiles")) {
      Parts.tile(
        "Waiting", Show.number(work.reduce(0) { $0 + $1.ready }),
        delayed > 0 ? "and \(Show.number(delayed)) delayed" : "for a worker", .quiet, call.link("queues"))
      if let (queue, time) = oldest {
        let age = Duration.clamped(seconds: max(0, overview.time.timeIntervalSince(time)).rounded(.down))
        Parts.tile(
          "Oldest waiting", age == .zero ? "< 1 s" : age.words, "in \(queue.name)",
          age > .seconds(900) ? .bad : age > .seconds(60) ? .warning : .good,
          call.link("queue").with("name", queue.name.rawValue))
      } else {
        Parts.tile("Oldest waiting", "none", "nothing waits for a worker", .good, call.link("queues"))
      }
      Parts.tile(
        "Running", running.isEmpty && !work.isEmpty ? "–" : Show.number(running.reduce(0, +)),
        overview.workers.map { "on \(Show.count($0.count, "worker"))" } ?? "workers unknown", .info,
        call.link("workers"))
      Parts.tile(
        "Dead letters", Show.number(dead), dead == 0 ? "none" : "wait for a person", dead == 0 ? .good : .bad,
        call.link("dead-letters"))
      Parts.tile(
        "Findings", Show.number(overview.findings.count),
        overview.findings.isEmpty ? "all is well" : problems > 0 ? Show.count(problems, "problem") : "warnings only",
        overview.findings.isEmpty ? .good : problems > 0 ? .bad : .warning, nil)
    }
  }

  private static func findings(_ overview: Overview, _ call: Call) -> HTML {
    if overview.findings.isEmpty { return .empty }
    return Parts.card("What is not well") { Parts.findings(Array(overview.findings.prefix(50)), call) }
  }

  private static func busiest(_ overview: Overview, _ queues: [QueueStatus], _ call: Call) -> HTML {
    let work = queues.filter { !$0.holdsDeadLetters }
    let shown = work.sorted { ($0.ready + ($0.running ?? 0), $1.name) > ($1.ready + ($1.running ?? 0), $0.name) }
      .prefix(8)
    return Tags.section(.class("card flush")) {
      if work.count > shown.count { Tags.h2 { "The \(shown.count) busiest of \(Show.count(work.count, "queue"))" } }
      QueuesPage.table(Array(shown), overview, call)
      if work.count > shown.count {
        Tags.div(.class("bar")) { Tags.a(.href(call.link("queues"))) { "All queues" } }
      }
    }
  }
}
