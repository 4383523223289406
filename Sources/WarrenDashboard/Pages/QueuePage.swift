internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// One queue: what is in it, why it does not run, what can be done.
enum QueuePage {
  @Sendable static func page(_ call: Call) async throws -> Page {
    let name = try Wanted.queue(call.fields)
    try call.require(.see, name)
    let overview = try? await call.overview()
    var known = overview?.queues?.first { $0.name == name }
    let operations = call.operations
    if known == nil { known = try await call.look("queue \(name)") { try await operations.queue(name) } }
    guard let queue = known else { throw Refusal(.notFound, "there is no queue '\(name)'") }
    let workers = overview?.workers
    return Page(
      title: name.rawValue, section: .queues, trail: [.init(title: "Queues", link: call.link("queues"))],
      regions: [
        .init(id: "state", content: state(queue, workers, call)),
        .init(id: "history", content: queue.holdsDeadLetters ? .empty : await HistoryParts.one(name, call)),
        .init(id: "actions", content: actions(queue, call)),
        .init(id: "workers", content: consumers(queue, workers, call)),
      ], isLive: true)
  }

  private static func state(_ queue: QueueStatus, _ workers: [WorkerStatus]?, _ call: Call) -> HTML {
    let hindrances = Hindrance.all(of: queue, workers: workers, now: call.desk.now)
    return HTML([
      Tags.div(.class("columns")) {
        Parts.card("Now") {
          Tags.dl(.class("facts")) {
            Parts.row("State", Parts.state(queue))
            Parts.row(queue.holdsDeadLetters ? "Dead letters" : "Waiting", HTML(Show.number(queue.ready)))
            Parts.row("Oldest", queue.ready > 0 ? Show.ago(queue.oldest, now: call.desk.now) : HTML("nothing waits"))
            Parts.row("Running", Show.number(queue.running))
            Parts.row("Delayed", Show.number(queue.delayed))
            Parts.row("Consumers", HTML(Show.number(queue.consumers)))
            if let rates = queue.rates {
              Parts.row(
                "In, out, done per second",
                HTML(String(format: "%.1f, %.1f, %.1f", rates.published, rates.delivered, rates.settled)))
            }
            if let totals = queue.totals {
              Parts.row("Published", HTML(Show.number(totals.published)))
              Parts.row("Completed", HTML(Show.number(totals.completed)))
              Parts.row("Tried again", HTML(Show.number(totals.retried)))
              Parts.row("Gave up", HTML(Show.number(totals.deadLettered)))
            }
            if let target = queue.deadLetterQueue {
              Parts.row(
                "Dead letters go to",
                Tags.a(.href(call.link("queue").with("name", target.rawValue))) { target.rawValue })
            }
          }
        }
        Parts.card(queue.holdsDeadLetters ? "What lies here" : "Why is this not running?") {
          Parts.hindrances(hindrances, waits: queue.ready > 0, call)
        }
      }
    ])
  }

  private static func actions(_ queue: QueueStatus, _ call: Call) -> HTML {
    let name = queue.name.rawValue
    let deadLetters = call.link("dead-letters")
    return Parts.card("Actions") {
      Tags.div(.class("actions")) {
        if queue.isPaused {
          if call.may(.resume, queue.name) {
            Parts.form(call, to: "queue/resume", [("name", name)]) { Parts.button("Resume", "primary") }
          }
        } else if call.may(.pause, queue.name), !queue.holdsDeadLetters {
          Parts.form(call, to: "queue/pause", [("name", name)]) { Parts.button("Pause") }
        }
        if queue.holdsDeadLetters {
          Tags.a(.class("button primary"), .href(deadLetters.with("queue", name))) { "Show its dead letters" }
        } else if queue.deadLetterQueue != nil {
          Tags.a(.class("button"), .href(deadLetters.with("origin", name))) { "Show what it gave up on" }
        }
        if call.operations.showsMessages, !queue.holdsDeadLetters {
          Tags.a(.class("button"), .href(call.link("messages").with("queue", name))) { "Show its messages" }
        }
        if call.may(.enqueue, queue.name), !queue.holdsDeadLetters {
          Tags.a(.class("button"), .href(call.link("queue/job").with("name", name))) { "New job…" }
        }
        if call.may(.purge, queue.name), !queue.holdsDeadLetters {
          Tags.a(.class("button danger"), .href(call.link("queue/purge").with("name", name))) { "Purge…" }
        }
        if !call.may(.pause, queue.name) {
          Tags.p(.class("muted")) { "As \(call.visitor.role.rawValue) you can look, and change nothing." }
        }
      }
    }
  }

  private static func consumers(_ queue: QueueStatus, _ workers: [WorkerStatus]?, _ call: Call) -> HTML {
    guard let workers else { return .empty }
    let mine = workers.filter { $0.queues.contains(queue.name) }
    if mine.isEmpty { return .empty }
    return Tags.section(.class("card flush")) {
      Tags.h2 { "Workers that consume it" }
      WorkersPage.table(mine, only: queue.name, call)
    }
  }

  // MARK: Actions

  @Sendable static func pause(_ call: Call) async throws -> Answer {
    let name = try Wanted.queue(call.form)
    try await call.act(.pause, name) { try await call.operations.pause(name) }
    return .see(Notice(.paused).on(call.link("queue").with("name", name.rawValue)))
  }

  @Sendable static func resume(_ call: Call) async throws -> Answer {
    let name = try Wanted.queue(call.form)
    try await call.act(.resume, name) { try await call.operations.resume(name) }
    return .see(Notice(.resumed).on(call.link("queue").with("name", name.rawValue)))
  }

  /// Asks for the name of the queue before it is emptied.
  @Sendable static func confirmPurge(_ call: Call) async throws -> Page {
    let name = try Wanted.queue(call.fields)
    try call.require(.purge, name)
    let queue = try await call.operations.queue(name)
    let what = HTML([
      Tags.p {
        "\(Show.count(queue.ready, "message")) in \(name) will be deleted for good, and what was delayed with them where the engine can reach it. What a worker holds stays."
      }
    ])
    return Page(
      title: "Purge \(name)", section: .queues,
      trail: [
        .init(title: "Queues", link: call.link("queues")),
        .init(title: name.rawValue, link: call.link("queue").with("name", name.rawValue)),
      ],
      regions: [
        .init(
          id: "confirm",
          content: Parts.card(nil) {
            what
            Parts.form(call, to: "queue/purge", class: "filter", [("name", name.rawValue)]) {
              Fields.text("typed", "To confirm, type the name of the queue", nil, hint: name.rawValue)
              Tags.div(.class("actions")) {
                Parts.button("Purge \(Show.count(queue.ready, "message"))", "danger sure")
                Tags.a(.class("button"), .href(call.link("queue").with("name", name.rawValue))) { "Keep them" }
              }
            }
          })
      ])
  }

  @Sendable static func purge(_ call: Call) async throws -> Answer {
    let name = try Wanted.queue(call.form)
    try call.require(.purge, name)
    guard call.form["typed"] == name.rawValue else {
      throw Refusal(
        .badRequest, "the name that was typed is not '\(name)': nothing was deleted. Go back and type it as it is")
    }
    let count = try await call.act(.purge, name) { try await call.operations.purge(name) }
    return .see(Notice(.purged, count: count).on(call.link("queue").with("name", name.rawValue)))
  }
}
