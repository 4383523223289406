internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// What is done to many dead letters, now and before.
enum OperationsPage {
  /// How many are shown.
  static let limit = 100

  @Sendable static func page(_ call: Call) async throws -> Page {
    let content: HTML
    if call.operations.keepsBulkOperations {
      let operations = try await seen(call)
      content =
        operations.isEmpty
        ? Parts.empty("No operations") {
          "When all dead letters that match a filter are replayed or deleted, here or by the command line, it stands here how far that is."
        } : table(operations, call)
    } else {
      content = Parts.empty("This engine keeps no operations") {
        "What is done to many dead letters is done while the page waits for it. What was broken off is done as far as it came: the same again does the rest."
      }
    }
    return Page(
      title: "Operations", section: .operations,
      regions: [.init(id: "operations", content: Tags.section(.class("card flush")) { content })], isLive: true)
  }

  /// Those that the visitor may know of, the newest first.
  static func seen(_ call: Call) async throws -> [BulkOperation] {
    let operations = call.operations
    return try await call.look("operations") { try await operations.bulkOperations(limit: limit) }
      .filter { call.may(.see, $0.selection.queue) }
  }

  private static func table(_ operations: [BulkOperation], _ call: Call) -> HTML {
    Tags.div(.class("scroll")) {
      Tags.table(.class("stack")) {
        Parts.head(
          ("Operation", false), ("State", false), ("Done", true), ("Left", true), ("Per second", true),
          ("Person", false), ("Begun", true))
        Tags.tbody { for operation in operations { row(operation, call) } }
      }
    }
  }

  private static func row(_ operation: BulkOperation, _ call: Call) -> HTML {
    Tags.tr {
      Parts.cell("Operation") {
        Tags.a(.href(link(operation.id, call))) { title(operation) }
        Tags.small(.class("muted wide"), .title(operation.filter)) { operation.filter }
      }
      Parts.cell("State") { state(operation, call) }
      Parts.cell("Done", number: true) {
        if operation.state == .running { progress(operation) }
        Show.number(operation.done)
      }
      Parts.cell("Left", number: true) { Show.number(operation.left) }
      Parts.cell("Per second", number: true) { rate(operation) }
      Parts.cell("Person") { operation.actor }
      Parts.cell("Begun", number: true) { Show.ago(operation.started, now: call.now) }
    }
  }

  static func link(_ id: String, _ call: Call) -> Link { call.link("operation").with("id", id) }

  static func title(_ operation: BulkOperation) -> String {
    "\(operation.action == .replay ? "Replay" : "Delete") \(Show.count(operation.total, "dead letter"))"
  }

  static func state(_ operation: BulkOperation, _ call: Call) -> HTML {
    switch operation.state {
    case .running where operation.isBrokenOff(at: call.now): Parts.badge("broken off", .bad)
    case .running: Parts.badge("running", .info)
    case .done where operation.skipped.total > 0:
      Parts.badge("done, \(Show.number(operation.skipped.total)) skipped", .warning)
    case .done: Parts.badge("done", .good)
    case .cancelled: Parts.badge("cancelled", .quiet)
    }
  }

  static func progress(_ operation: BulkOperation) -> HTML {
    Tags.progress(
      Attribute("max", "\(max(1, operation.total))"), .value("\(operation.total - operation.left)"),
      .label("\(Show.number(operation.total - operation.left)) of \(Show.number(operation.total))")
    ) { HTML.empty }
  }

  /// How many a second on average since it was begun; unknown in its first second, where that would be a guess.
  static func pace(_ operation: BulkOperation) -> Double? {
    let seconds = operation.updated.timeIntervalSince(operation.started)
    return operation.done > 0 && seconds >= 1 ? Double(operation.done) / seconds : nil
  }

  static func rate(_ operation: BulkOperation) -> HTML {
    guard let rate = pace(operation) else { return Show.none }
    return HTML(rate < 100 ? String(format: "%.1f", rate) : Show.number(Int(rate)))
  }
}
