internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// One bulk operation: how far it is, what it left out, and how to end it or to go on.
enum OneOperationPage {
  @Sendable static func page(_ call: Call) async throws -> Page {
    let operation = try await wanted(call.fields, call)
    return Page(
      title: OperationsPage.title(operation), section: .operations,
      trail: [.init(title: "Operations", link: call.link("operations"))],
      regions: [
        .init(id: "progress", content: progress(operation, call)),
        .init(id: "actions", content: actions(operation, call)),
        .init(id: "about", content: about(operation, call)),
      ], isLive: operation.state == .running)
  }

  /// The operation that is asked for, if the visitor may know of it.
  static func wanted(_ fields: FormFields, _ call: Call) async throws -> BulkOperation {
    guard let id = fields["id"] else {
      throw Refusal(.badRequest, "the address does not say which operation: add ?id=…")
    }
    let operations = call.operations
    let operation = try await call.look("operation \(id)") { try await operations.bulkOperation(id) }
    try call.require(.see, operation.selection.queue)
    return operation
  }

  private static func progress(_ operation: BulkOperation, _ call: Call) -> HTML {
    Parts.card(nil) {
      Tags.div(.class("progress")) {
        OperationsPage.state(operation, call)
        OperationsPage.progress(operation)
        Tags.strong { "\(Show.number(operation.total - operation.left)) of \(Show.number(operation.total))" }
        if let left = remaining(operation) { Tags.span(.class("muted")) { "about \(left.words) left" } }
      }
      if operation.isBrokenOff(at: call.now) {
        Tags.p(.class("muted")) {
          operation.succession == .automatic
            ? "No process seems to be at it. A dashboard that runs goes on with it by itself; so does the button."
            : "No process seems to be at it. It was begun by the command line, so it waits for a person."
        }
      }
    }
  }

  /// How long the rest takes at the pace that is asked for, or so far.
  private static func remaining(_ operation: BulkOperation) -> Duration? {
    guard operation.state == .running, operation.left > 0, let pace = operation.rate ?? OperationsPage.pace(operation)
    else { return nil }
    return .clamped(seconds: (Double(operation.left) / pace).rounded(.up))
  }

  private static func actions(_ operation: BulkOperation, _ call: Call) -> HTML {
    guard operation.state == .running, call.may(deed(operation), operation.selection.queue) else { return .empty }
    return Tags.div(.class("actions")) {
      if operation.isBrokenOff(at: call.now) {
        Parts.form(call, to: "operation/resume", [("id", operation.id)]) {
          Parts.button("Go on with \(Show.number(operation.left))", "primary")
        }
      }
      Parts.form(call, to: "operation/cancel", [("id", operation.id)]) {
        Parts.button("Cancel: leave \(Show.number(operation.left)) as they are", "danger")
      }
    }
  }

  private static func about(_ operation: BulkOperation, _ call: Call) -> HTML {
    let skipped = operation.skipped
    return Tags.div(.class("columns")) {
      Parts.card("What was done") {
        Tags.dl(.class("facts")) {
          Parts.row(operation.action == .replay ? "Replayed" : "Deleted", HTML(Show.number(operation.done)))
          Parts.row("Left", HTML(Show.number(operation.left)))
          Parts.row("Stayed: their queue is gone", count(skipped.unreachable))
          Parts.row("Stayed: a worker held them", count(skipped.held))
          Parts.row("Gone meanwhile, by others", count(skipped.gone))
          Parts.row("Per second", OperationsPage.pace(operation).map { _ in OperationsPage.rate(operation) })
          Parts.row("At most per second", operation.rate.map { HTML(String(format: "%g", $0)) })
        }
      }
      Parts.card("Who and which") {
        Tags.dl(.class("facts")) {
          Parts.row("Id", Parts.id(operation.id))
          Parts.row("Person", HTML(operation.actor))
          Parts.row("Process", HTML(operation.runner))
          Parts.row("Begun", Show.exact(operation.started, now: call.now))
          Parts.row("Last step", Show.exact(operation.updated, now: call.now))
          Parts.row("Which", Tags.code { operation.filter })
        }
      }
    }
  }

  private static func count(_ count: Int) -> HTML? { count == 0 ? nil : HTML(Show.number(count)) }

  private static func deed(_ operation: BulkOperation) -> Dashboard.Action {
    operation.action == .replay ? .replay : .delete
  }

  @Sendable static func cancel(_ call: Call) async throws -> Answer {
    let operation = try await wanted(call.form, call)
    let after = try await call.act(deed(operation), operation.selection.queue) {
      try await call.operations.cancelOperation(operation.id)
    }
    return .see(Notice(.broken, count: after.left).on(OperationsPage.link(operation.id, call)))
  }

  @Sendable static func resume(_ call: Call) async throws -> Answer {
    let operation = try await wanted(call.form, call)
    let after = try await call.act(deed(operation), operation.selection.queue) {
      try await call.desk.background.resume(operation.id, call.operations)
    }
    return .see(Notice(.begun, count: after.left).on(OperationsPage.link(operation.id, call)))
  }
}
