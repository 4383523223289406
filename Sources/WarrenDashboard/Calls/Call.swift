internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// A request that was let in.
struct Call: Sendable {
  let desk: Desk
  let visitor: Dashboard.Visitor
  /// Where the dashboard is mounted.
  let prefix: String
  /// The path of the page below that.
  let path: String
  /// The fields of the address.
  let fields: FormFields
  /// The fields of the form.
  var form = FormFields()
  /// What the forms of the page must hold.
  let token: String
  /// What scripts and styles of the page must hold.
  let nonce: String
  let now: Date
  /// Whether a stream asks, and not a person.
  var isStream = false

  /// Where it is noted how many dead letters were read for the page.
  var progress: SweepProgress?

  /// What is done with them has this person in the broker's audit log.
  var operations: Operations {
    var operations = desk.operations.acting(as: visitor.name)
    if let progress { operations.onRead = { progress.add($0) } }
    return operations
  }

  /// An address within the dashboard.
  func link(_ path: String = "") -> Link { Link(prefix: prefix, path: path) }

  /// The address of this page as it was asked for, without what is about the last action.
  var here: Link {
    var link = link(path)
    link.fields = fields.list.filter { !Notice.fields.contains($0.name) }
    return link
  }

  /// Whether the visitor may do this.
  func may(_ action: Dashboard.Action, _ queue: QueueName? = nil) -> Bool { visitor.may(action, queue) }

  /// Throws a refusal unless the visitor may do this.
  func require(_ action: Dashboard.Action, _ queue: QueueName? = nil) throws(Refusal) {
    if may(action, queue) { return }
    let place = queue.map { " in '\($0)'" } ?? ""
    throw Refusal(.forbidden, "\(visitor.name) (\(visitor.role.rawValue)) may not do this\(place): \(action)")
  }

  /// Throws a refusal unless the visitor may do this in the queue or, where none is named, in each that there is.
  func requireEverywhere(_ action: Dashboard.Action, _ queue: QueueName?) async throws {
    try require(action, queue)
    if queue != nil || !visitor.isLimited { return }
    if try await operations.queues().allSatisfy({ may(action, $0.name) }) { return }
    throw mustNameQueue(action)
  }

  func mustNameQueue(_ action: Dashboard.Action) -> Refusal {
    Refusal(.forbidden, "\(visitor.name) may do this in some queues only (\(action)): say in which, with queue=…")
  }

  /// Does something that changes the broker, if the visitor may. `operations` writes it into the audit log.
  func act<Value: Sendable>(
    _ action: Dashboard.Action, _ queue: QueueName?, _ body: () async throws -> Value
  ) async throws -> Value {
    try await requireEverywhere(action, queue)
    let value = try await body()
    await desk.sampler.forget()
    await desk.sweeps.forget()
    return value
  }

  /// Looks at something for a page. All streams share a look.
  func look<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    isStream ? try await desk.sampler.shared(name, body) : try await body()
  }

  /// Reads a message to show it with nothing hidden, if the visitor may, once that is written down.
  func reveal<Value: Sendable>(
    _ action: Dashboard.Action, _ id: MessageID, _ queue: QueueName?, _ body: () async throws -> Value
  ) async throws -> Value {
    try await requireEverywhere(action, queue)
    try await operations.noteReveal(of: id, in: queue)
    return try await body()
  }
}
