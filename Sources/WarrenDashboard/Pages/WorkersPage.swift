internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// The workers, and what each handles now.
enum WorkersPage {
  /// How many queues of one worker are named.
  private static let queuesShown = 20

  @Sendable static func page(_ call: Call) async throws -> Page {
    let workers = try await call.overview().workers
    return Page(
      title: "Workers", section: .workers,
      regions: [
        .init(
          id: "workers",
          content: Tags.section(.class("card flush")) {
            if let workers, !workers.isEmpty {
              let workers = Paged(workers, call)
              table(Array(workers.shown), only: nil, call)
              workers.links("workers", call)
            } else if workers == nil {
              Parts.empty("The engine cannot tell which workers there are") {
                "On RabbitMQ they are told by the management plugin; the overview says what is missing."
              }
            } else {
              Parts.empty("No workers") {
                "No process consumes a queue now. Start one, and it stands here within seconds."
              }
            }
          })
      ], isLive: true)
  }

  static func table(_ workers: [WorkerStatus], only queue: QueueName?, _ call: Call) -> HTML {
    Tags.div(.class("scroll")) {
      Tags.table(.class("stack")) {
        Parts.head(("Worker", false), ("Queues", false), ("Holds", true), ("Handles now", false), ("Connected", true))
        Tags.tbody {
          for worker in workers {
            Tags.tr {
              Parts.cell("Worker") { Tags.code { worker.name } }
              Parts.cell("Queues") {
                for (index, name) in worker.queues.prefix(queuesShown).enumerated() {
                  if index > 0 { ", " }
                  Tags.a(.href(call.link("queue").with("name", name.rawValue))) { name.rawValue }
                }
                if worker.queues.count > queuesShown {
                  Tags.span(.class("muted")) { " and \(Show.number(worker.queues.count - queuesShown)) more" }
                }
              }
              Parts.cell("Holds", number: true) { Show.number(worker.running) }
              Parts.cell("Handles now") { handled(worker, queue, call) }
              Parts.cell("Connected", number: true) { Show.ago(worker.since, now: call.desk.now) }
            }
          }
        }
      }
    }
  }

  private static func handled(_ worker: WorkerStatus, _ queue: QueueName?, _ call: Call) -> HTML {
    guard let all = worker.deliveries else { return Tags.span(.class("muted")) { "not known" } }
    let deliveries = all.filter { queue == nil || $0.queue == queue }
    if deliveries.isEmpty { return Tags.span(.class("muted")) { "nothing" } }
    return HTML([
      Tags.ul(.class("tree")) {
        for delivery in deliveries.prefix(10) {
          Tags.li {
            Tags.span { "\(delivery.name?.rawValue ?? "message") " }
            if let id = delivery.id {
              if call.operations.showsMessages {
                Tags.a(
                  .href(call.link("message").with("id", id.rawValue).with("queue", delivery.queue.rawValue))
                ) { "show" }
                " "
              }
              Parts.id(id.rawValue)
            }
            Tags.span(.class("muted")) { " for " }
            Show.age(delivery.since, now: call.desk.now)
            if let id = delivery.id, call.may(.cancel, delivery.queue) {
              Parts.form(call, to: "worker/cancel", [("id", id.rawValue), ("queue", delivery.queue.rawValue)]) {
                Tags.button(
                  .type("submit"), .class("quiet"),
                  .title("Asks the worker to end the handler: the message becomes a dead letter.")
                ) { "End" }
              }
            }
          }
        }
      },
      deliveries.count > 10 ? Tags.p(.class("muted")) { "and \(Show.number(deliveries.count - 10)) more" } : .empty,
    ])
  }

  @Sendable static func cancel(_ call: Call) async throws -> Answer {
    let (id, queue) = try Wanted.letter(call.form)
    guard let queue else { throw Refusal(.badRequest, "the queue of the message is missing") }
    let count = try await call.act(.cancel, queue) { try await call.operations.cancel(id, in: queue) }
    return .see(Notice(.cancelled, count: count).on(call.link("workers")))
  }
}
